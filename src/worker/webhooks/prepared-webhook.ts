// Prepares a webhook for deliveries, once per change instead of once per attempt.
import { BoundedMap } from "../../bounded-map.ts";
import { compilePatterns } from "../../wire/event-pattern.ts";
import { Signer } from "../../wire/signature.ts";
import { ownerOf, retryScheduleMs, type WebhookRecord } from "../../wire/webhook.ts";
import { ownerTag } from "../../valkey/queue/delivery-id.ts";
import type { OwnerRef } from "../../wire/owner.ts";

export interface PreparedWebhook {
  /** Only what a delivery needs: the rest of many webhooks would fill the memory. */
  record: DeliveryRecord;
  owner: OwnerRef;
  /** The names of its deliveries begin with it. */
  ownerTag: string;
  scheduleMs: readonly number[];
  matches: (type: string) => boolean;
  /** Newest first, without expired ones. */
  signers(nowMs: number): readonly Signer[];
}

export type DeliveryRecord = Pick<
  WebhookRecord,
  "id" | "user_id" | "org_id" | "url" | "dialect" | "enabled" | "headers" | "timeout_ms"
>;

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
