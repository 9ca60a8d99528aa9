import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { registerWebhook } from "../../src/worker/registered-webhook.ts";
import { webhookRecord } from "../valkey/webhook-records.ts";

const GRACE_END = "2026-01-02T00:00:00.000Z";
const CONTENT = new TextEncoder().encode("content");

async function signaturesAt(at: string, secrets: { secret: string; expires_at: string | null }[]) {
  const webhook = registerWebhook(webhookRecord({ secrets }));
  return Promise.all(webhook.signers(Date.parse(at)).map((signer) => signer.hex(CONTENT)));
}

const signedWith = (secret: string) => createHmac("sha256", secret).update(CONTENT).digest("hex");
const rotated = [
  { secret: "the new secret", expires_at: null },
  { secret: "the old secret", expires_at: GRACE_END },
];

test("both secrets sign within the grace, the new one first", async () => {
  expect(await signaturesAt("2026-01-01T23:59:59.999Z", rotated)).toEqual([
    signedWith("the new secret"),
    signedWith("the old secret"),
  ]);
});

test("at its end only the new one signs", async () => {
  expect(await signaturesAt(GRACE_END, rotated)).toEqual([signedWith("the new secret")]);
});

test("a webhook without a readable secret has no signer", async () => {
  expect(await signaturesAt(GRACE_END, [])).toEqual([]);
});
