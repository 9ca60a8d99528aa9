// Says whether the signatures that an attempt sent match the secrets that its webhook has now.
import type { AttemptDetail } from "../wire/attempt-detail.ts";
import { dialectOf, DIALECT_NAMES } from "../wire/dialects/registry.ts";
import { fieldsOf } from "../wire/head-fields.ts";
import { Signer, standardContent, withPrefix } from "../wire/signature.ts";
import type { WebhookRecord } from "../wire/webhook.ts";

export interface CheckedSignature {
  header: string;
  /** Which of the secrets made it: the newest, an earlier one that still signs; null: none of them. */
  secret: "newest" | "previous" | null;
  /** The text that is signed before the body. */
  signedPrefix: string;
}

/** Every dialect's own signature, by the name of its header in lower case. */
const OWN = new Map(
  DIALECT_NAMES.flatMap((name) => {
    const own = dialectOf(name).ownSignature;
    return own === null ? [] : [[own.header.toLowerCase(), own] as const];
  }),
);

/** Checks each signature of the request, the dialect's own first. Empty if it has none. */
export async function checkSignatures(
  { request_head }: AttemptDetail,
  body: string,
  webhook: WebhookRecord,
  nowMs: number,
): Promise<CheckedSignature[]> {
  const fields = fieldsOf(request_head);
  const valueOf = (name: string) =>
    fields.find((field) => field.name.toLowerCase() === name)?.value ?? "";
  const signers = webhook.secrets
    .filter(({ expires_at }) => expires_at === null || Date.parse(expires_at) > nowMs)
    .map(({ secret }) => new Signer(secret));
  const bytes = new TextEncoder().encode(body);
  const checked: CheckedSignature[] = [];
  for (const { name, value } of fields) {
    const own = OWN.get(name.toLowerCase());
    if (own !== undefined) {
      const { signatures, unixSeconds } = own.read(value);
      const signedPrefix = own.prefix(unixSeconds ?? 0);
      const content = withPrefix(signedPrefix, bytes);
      const secret = await matching(signers, signatures, (signer) => signer.hex(content));
      checked.push({ header: name, secret, signedPrefix });
    } else if (name.toLowerCase() === "webhook-signature") {
      const [id, timestamp] = [valueOf("webhook-id"), valueOf("webhook-timestamp")];
      const content = standardContent(id, timestamp, bytes);
      const secret = await matching(signers, value.split(" "), async (signer) => {
        return `v1,${await signer.standard(content)}`;
      });
      checked.push({ header: name, secret, signedPrefix: `${id}.${timestamp}.` });
    }
  }
  return checked;
}

async function matching(
  signers: readonly Signer[],
  sent: readonly string[],
  sign: (signer: Signer) => Promise<string>,
): Promise<CheckedSignature["secret"]> {
  for (const [n, signer] of signers.entries()) {
    if (sent.includes(await sign(signer))) return n === 0 ? "newest" : "previous";
  }
  return null;
}
