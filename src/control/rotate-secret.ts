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

type Secrets = WebhookRecord["secrets"];

export function rotateSecret(current: WebhookRecord, rotation: Rotation): WebhookRecord {
  return {
    ...current,
    secrets: rotatedSecrets(current.secrets, rotation),
    updated_at: new Date(rotation.nowMs).toISOString(),
  };
}

/** The secrets of a webhook, or of a workflow. */
export function rotatedSecrets(current: Secrets, { secret, graceMs, nowMs }: Rotation): Secrets {
  const previous = current
    // If the newest secret is given again, because the answer was lost, it replaces itself.
    .filter((one) => one.secret !== secret)
    // A later rotation only ever shortens a grace; with 0 it ends for all earlier secrets.
    .map((one) => ({ secret: one.secret, endMs: Math.min(endMs(one), nowMs + graceMs) }))
    .filter((one) => one.endMs > nowMs)
    .map((one) => ({ secret: one.secret, expires_at: new Date(one.endMs).toISOString() }));
  return [{ secret, expires_at: null }, ...previous].slice(0, MAX_SECRETS);
}

function endMs({ expires_at }: Secrets[number]): number {
  return expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at);
}
