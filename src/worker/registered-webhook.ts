// A webhook made ready for deliveries, once per change instead of once per attempt.
import { compilePatterns } from "../wire/event-pattern.ts";
import { Signer } from "../wire/signature.ts";
import { ownerOf, retryScheduleMs, type WebhookRecord } from "../wire/webhook.ts";
import { ownerTag } from "../valkey/delivery-id.ts";
import type { OwnerRef } from "../wire/owner.ts";

export interface RegisteredWebhook {
  record: WebhookRecord;
  owner: OwnerRef;
  /** What the names of its deliveries begin with. */
  ownerTag: string;
  scheduleMs: readonly number[];
  matches: (type: string) => boolean;
  /** Newest first; what has expired is left out. */
  signers(nowMs: number): readonly Signer[];
}

export function registerWebhook(record: WebhookRecord): RegisteredWebhook {
  const secrets = record.secrets.map(({ secret, expires_at }) => ({
    signer: new Signer(secret),
    expiresAtMs: expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at),
  }));
  const only = secrets.length === 1 && secrets[0] ? [secrets[0].signer] : null;
  const owner = ownerOf(record);
  return {
    record,
    owner,
    ownerTag: ownerTag(owner),
    scheduleMs: retryScheduleMs(record),
    matches: compilePatterns(record.events),
    signers: (nowMs) =>
      only ?? secrets.filter((one) => one.expiresAtMs > nowMs).map((one) => one.signer),
  };
}
