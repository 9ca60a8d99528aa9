// Requests as Fluxhook sends them, for what receives them.
import { dialectOf, type DialectName } from "../../src/wire/dialects/registry.ts";
import { Signer, signRequest } from "../../src/wire/signature.ts";

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
export const OTHER_SECRET = `whsec_${Buffer.alloc(32, 8).toString("base64")}`;
export const NOW_SECONDS = 1_769_860_800;

export interface SignedRequest {
  /** In lower case, as Node has them. */
  headers: Record<string, string>;
  body: string;
}

export async function signedRequest(
  dialectName: DialectName,
  {
    secrets = [SECRET],
    unixSeconds = NOW_SECONDS,
  }: { secrets?: readonly string[]; unixSeconds?: number } = {},
): Promise<SignedRequest> {
  const dialect = dialectOf(dialectName);
  const event = { id: "evt_1", type: "file.created", timestamp: "2026-01-31T12:00:00Z" };
  // Text that differs once it was parsed and written again.
  const body = dialect.envelope({ ...event, data: '{"size":1.0, "name":"Å"}' });
  const headers = await signRequest({
    dialect,
    secrets: secrets.map((secret) => new Signer(secret)),
    eventId: event.id,
    eventType: event.type,
    deliveryId: "0b9d1f0e-6c53-4a0e-9f0d-1d6f5ac1f7a1",
    unixSeconds,
    body,
    bodyBytes: new TextEncoder().encode(body),
  });
  const lowered = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return { headers: Object.fromEntries(lowered) as Record<string, string>, body };
}

/** Without those of Standard Webhooks: what is left for the dialect's own signature. */
export function withoutStandard(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith("webhook-")),
  );
}
