// Reads a sample of the registered webhooks as stored, so that the checks see what is sealed, and a damaged
// record does not fail them.
import type { Settings } from "../../config/settings.ts";
import { sharedKeys } from "../../valkey/keys.ts";
import { readStoredWebhook } from "../../valkey/webhooks/sealed-webhook.ts";
import { LISTEN_SCHEME } from "../../wire/tunnel.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { WebhookRecord } from "../../wire/webhook.ts";
import type { ValkeyUp } from "./valkey-state.ts";

/** The fields of a record that the checks need. */
export interface StoredWebhook extends Pick<WebhookRecord, "id" | "url" | "enabled"> {
  /** The record as stored in Valkey. */
  text: string;
}

export interface Registered {
  webhooks: readonly StoredWebhook[];
  /** Number of webhooks; the sample may be smaller. */
  total: number;
  /** Number of texts that are not webhooks. */
  unreadable: number;
}

const MAX_WEBHOOKS = 1_000;
const SCAN_COUNT = 500;
const OWNERS_AT_ONCE = 50;

export async function readRegistered({ link }: ValkeyUp, settings: Settings): Promise<Registered> {
  const keys = sharedKeys(settings.PREFIX);
  const total = await link.run((client) => client.hlen(keys.webhookOwners));
  const owners = new Set<OwnerRef>();
  let cursor = "0";
  do {
    const [next, pairs] = await link.run((client) =>
      client.hscan(keys.webhookOwners, cursor, "COUNT", SCAN_COUNT),
    );
    // Pairs of a webhook's id and its owner.
    for (let i = 1; i < pairs.length; i += 2) owners.add(pairs[i] as OwnerRef);
    cursor = next;
  } while (cursor !== "0" && owners.size < MAX_WEBHOOKS);

  const webhooks: StoredWebhook[] = [];
  let unreadable = 0;
  const left = [...owners];
  while (left.length > 0 && webhooks.length < MAX_WEBHOOKS) {
    const group = left.splice(0, OWNERS_AT_ONCE);
    const texts = await link.run((client) =>
      Promise.all(group.map((owner) => client.hvals(keys.webhooks(owner)))),
    );
    for (const text of texts.flat()) {
      const webhook = readStored(text);
      // The webhook of a `fluxhook listen` session is reached through Valkey, not over the network.
      if (webhook?.url.startsWith(LISTEN_SCHEME)) continue;
      if (webhook) webhooks.push(webhook);
      else unreadable += 1;
    }
  }
  return { webhooks: webhooks.slice(0, MAX_WEBHOOKS), total, unreadable };
}

function readStored(text: string): StoredWebhook | null {
  const stored = readStoredWebhook(text);
  return stored && { id: stored.id, url: stored.url, enabled: stored.enabled, text };
}

/** Returns "of 12 webhooks", with the total if the sample is smaller. */
export function ofSample({ webhooks, total }: Registered, looked = webhooks.length): string {
  return looked < total ? `of ${looked} webhooks (a sample of ${total})` : `of ${looked} webhooks`;
}
