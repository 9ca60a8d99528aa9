// What rotating a webhook's secret makes of its record. Pure.
import type { WebhookRecord } from "../wire/webhook.ts";

/**
 * The new secret and two before it. If only one before it were kept, repeating a rotation whose answer was
 * lost would drop the secret that the receiver still verifies with.
 */
export const MAX_SECRETS = 3;

export interface Rotation {
  secret: string;
  /** The secrets before it sign for this long. */
  graceMs: number;
  nowMs: number;
}

export function rotateSecret(
  current: WebhookRecord,
  { secret, graceMs, nowMs }: Rotation,
): WebhookRecord {
  const previous = current.secrets
    // If the newest secret is given again, because the answer was lost, it replaces itself.
    .filter((one) => one.secret !== secret)
    // A later rotation only ever shortens a grace; with 0 it ends for all earlier secrets.
    .map((one) => ({ secret: one.secret, endMs: Math.min(endMs(one), nowMs + graceMs) }))
    .filter((one) => one.endMs > nowMs)
    .map((one) => ({ secret: one.secret, expires_at: new Date(one.endMs).toISOString() }));
  return {
    ...current,
    secrets: [{ secret, expires_at: null }, ...previous].slice(0, MAX_SECRETS),
    updated_at: new Date(nowMs).toISOString(),
  };
}

function endMs({ expires_at }: WebhookRecord["secrets"][number]): number {
  return expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at);
}
