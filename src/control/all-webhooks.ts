// The webhooks of all owners, page by page, for the operator: there is no index of them by age, so the order is
// the store's own.
import type { HealthStore } from "../valkey/webhooks/health-store.ts";
import type { FoundWebhook, WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import type { WebhookHealth, WebhookRecord } from "../wire/webhook.ts";

export const WEBHOOK_STATES = ["disabled", "failing"] as const;
export type WebhookState = (typeof WEBHOOK_STATES)[number];

/** A place in the walk: a step of it, and how many of the step are done. */
export interface WebhookPlace {
  scan: string;
  skip: number;
}

export const FIRST_PLACE: WebhookPlace = { scan: "0", skip: 0 };

export interface ListedWebhook {
  record: WebhookRecord;
  health: WebhookHealth;
}

/** So many are read at once; between two such reads, other work runs. */
const READ_AT_ONCE = 100;
/** Bounds the work for a page of a rare state (guarantee 6): such a page may be short. */
const MAX_LOOKED_AT = 1_000;

/** `failing`: enabled, and its last attempt failed. */
export function hasState({ record, health }: ListedWebhook, state?: WebhookState): boolean {
  if (state === undefined) return true;
  if (state === "disabled") return !record.enabled;
  return record.enabled && health.consecutive_failures > 0;
}

/**
 * Returns a page. Over all pages, a webhook that exists throughout is there at least once.
 * @throws ValkeyUnavailable
 */
export async function pageOfAll(
  stores: { webhooks: Pick<WebhookStore, "scan" | "getAll">; health: Pick<HealthStore, "read"> },
  { state, from, limit }: { state?: WebhookState; from: WebhookPlace; limit: number },
): Promise<{ listed: ListedWebhook[]; next: WebhookPlace | null }> {
  const listed: ListedWebhook[] = [];
  let place = from;
  let lookedAt = 0;
  for (;;) {
    const step = await stores.webhooks.scan(place.scan);
    while (place.skip < step.found.length) {
      const some = step.found.slice(place.skip, place.skip + READ_AT_ONCE);
      const read = await readSome(stores, some);
      for (const [at, one] of read.entries()) {
        if (!one || !hasState(one, state)) continue;
        if (listed.length === limit) {
          return { listed, next: { scan: place.scan, skip: place.skip + at } };
        }
        listed.push(one);
      }
      place = { scan: place.scan, skip: place.skip + some.length };
      lookedAt += some.length;
      if (lookedAt >= MAX_LOOKED_AT) return { listed, next: place };
    }
    if (step.next === null) return { listed, next: null };
    place = { scan: step.next, skip: 0 };
  }
}

async function readSome(
  { webhooks, health }: Parameters<typeof pageOfAll>[0],
  found: readonly FoundWebhook[],
): Promise<(ListedWebhook | null)[]> {
  const [records, healths] = await Promise.all([
    webhooks.getAll(found),
    health.read(found.map(({ id }) => id)),
  ]);
  return records.map((record, at) => {
    const ofRecord = healths[at];
    return record && ofRecord ? { record, health: ofRecord } : null;
  });
}
