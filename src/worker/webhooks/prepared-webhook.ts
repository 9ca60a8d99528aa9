// A webhook made ready for deliveries, once per change instead of once per attempt.
import { compilePatterns } from "../../wire/event-pattern.ts";
import { Signer } from "../../wire/signature.ts";
import { ownerOf, retryScheduleMs, type WebhookRecord } from "../../wire/webhook.ts";
import { ownerTag } from "../../valkey/queue/delivery-id.ts";
import type { OwnerRef } from "../../wire/owner.ts";

export interface RegisteredWebhook {
  /** What of it a delivery needs; of many webhooks all the rest would fill the memory. */
  record: DeliveryRecord;
  owner: OwnerRef;
  /** What the names of its deliveries begin with. */
  ownerTag: string;
  scheduleMs: readonly number[];
  matches: (type: string) => boolean;
  /** Newest first; what has expired is left out. */
  signers(nowMs: number): readonly Signer[];
}

export type DeliveryRecord = Pick<
  WebhookRecord,
  "id" | "user_id" | "org_id" | "url" | "dialect" | "enabled" | "headers" | "timeout_ms"
>;

export function registerWebhook(webhook: WebhookRecord): RegisteredWebhook {
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
    scheduleMs: alike(schedules, webhook.retry_schedule, () => retryScheduleMs(webhook)),
    matches: alike(matchers, webhook.events, () => compilePatterns(webhook.events)),
    signers: signersOf(secrets),
  };
}

function signersOf(
  secrets: readonly { signer: Signer; expiresAtMs: number }[],
): RegisteredWebhook["signers"] {
  const [newest] = secrets;
  if (newest && secrets.length === 1) {
    const only = [newest.signer];
    return () => only;
  }
  return (nowMs) => secrets.filter((one) => one.expiresAtMs > nowMs).map((one) => one.signer);
}

const MOST_ALIKE = 1_000;
const schedules = new Map<string, readonly number[]>();
const matchers = new Map<string, RegisteredWebhook["matches"]>();

/** Most webhooks have the same schedule and the same patterns: they share what is made of them. */
function alike<Made>(known: Map<string, Made>, texts: readonly string[], make: () => Made): Made {
  const key = texts.join(" ");
  let made = known.get(key);
  if (made === undefined) {
    made = make();
    if (known.size >= MOST_ALIKE) known.clear();
    known.set(key, made);
  }
  return made;
}
