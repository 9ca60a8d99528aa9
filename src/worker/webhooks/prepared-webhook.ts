// Prepares a webhook for deliveries, once per change instead of once per attempt.
import { BoundedMap } from "../../bounded-map.ts";
import type { Filter } from "../../expressions/filter.ts";
import { compilePatterns } from "../../wire/event-pattern.ts";
import { Signer } from "../../wire/signature.ts";
import { ownerOf, retryScheduleMs, type WebhookRecord } from "../../wire/webhook.ts";
import { ownerTag } from "../../valkey/queue/delivery-id.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { WorkerLog } from "../../log.ts";
import { prepareFilter } from "./prepared-filter.ts";

export interface PreparedWebhook {
  /** Only what a delivery needs: the rest of many webhooks would fill the memory. */
  record: DeliveryRecord;
  owner: OwnerRef;
  /** The names of its deliveries begin with it. */
  ownerTag: string;
  scheduleMs: readonly number[];
  matches: (type: string) => boolean;
  /** Null for none. */
  filter: Filter | null;
  /** Newest first, without expired ones. */
  signers(nowMs: number): readonly Signer[];
}

export type DeliveryRecord = Pick<
  WebhookRecord,
  "id" | "user_id" | "org_id" | "url" | "dialect" | "enabled" | "headers" | "timeout_ms"
>;

/**
 * Prepares a webhook for events, with its filter. One whose stored filter does not compile in this version
 * counts as disabled, like one whose record is damaged: its deliveries are parked (guarantee 1), and the
 * owner's other webhooks get theirs.
 */
export function prepareForEvents(
  webhook: WebhookRecord,
  log: Pick<WorkerLog, "error">,
): PreparedWebhook | Promise<PreparedWebhook> {
  const { filter: text } = webhook;
  if (text === null) return prepareWebhook(webhook);
  return prepareFilter(text).then((compiled) => {
    if (compiled.ok) return { ...prepareWebhook(webhook), filter: compiled.value };
    const codes = compiled.problems.map(({ code }) => code);
    log.error({ webhook_id: webhook.id, codes }, "filter.unreadable");
    return prepareWebhook({ ...webhook, enabled: false });
  });
}

/** Prepares a webhook for what is sent whatever its filter says: tests and alerts. */
export function prepareWebhook(webhook: WebhookRecord): PreparedWebhook {
  const { id, user_id, org_id, url, dialect, enabled, headers, timeout_ms } = webhook;
  const secrets = webhook.secrets.map(({ secret, expires_at }) => ({
    signer: new Signer(secret),
    expiresAtMs: expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at),
  }));
  const owner = ownerOf(webhook);
  return {
    record: { id, user_id, org_id, url, dialect, enabled, headers, timeout_ms },
    owner,
    ownerTag: ownerTag(owner),
    scheduleMs: memoizedBy(schedules, webhook.retry_schedule, () => retryScheduleMs(webhook)),
    matches: memoizedBy(matchers, webhook.events, () => compilePatterns(webhook.events)),
    filter: null,
    signers: signersOf(secrets),
  };
}

function signersOf(
  secrets: readonly { signer: Signer; expiresAtMs: number }[],
): PreparedWebhook["signers"] {
  const [newest] = secrets;
  if (newest && secrets.length === 1) {
    const only = [newest.signer];
    return () => only;
  }
  return (nowMs) => secrets.filter((one) => one.expiresAtMs > nowMs).map((one) => one.signer);
}

const MAX_MEMOIZED = 1_000;
const schedules = new BoundedMap<string, readonly number[]>(MAX_MEMOIZED);
const matchers = new BoundedMap<string, PreparedWebhook["matches"]>(MAX_MEMOIZED);

/** Most webhooks have the same schedule and the same patterns, and share the compiled ones. */
function memoizedBy<Made>(
  known: Map<string, Made>,
  texts: readonly string[],
  make: () => Made,
): Made {
  const key = texts.join(" ");
  let made = known.get(key);
  if (made === undefined) {
    made = make();
    known.set(key, made);
  }
  return made;
}
