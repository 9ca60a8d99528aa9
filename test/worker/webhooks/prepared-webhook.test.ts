import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { prepareWebhook } from "../../../src/worker/webhooks/prepared-webhook.ts";
import { webhookRecord } from "../../valkey/webhooks/webhook-records.ts";

const GRACE_END = "2026-01-02T00:00:00.000Z";
const CONTENT = new TextEncoder().encode("content");

async function signaturesAt(at: string, secrets: { secret: string; expires_at: string | null }[]) {
  const webhook = prepareWebhook(webhookRecord({ secrets }));
  return Promise.all(webhook.signers(Date.parse(at)).map((signer) => signer.hex(CONTENT)));
}

const signedWith = (secret: string) => createHmac("sha256", secret).update(CONTENT).digest("hex");
const rotated = [
  { secret: "the new secret", expires_at: null },
  { secret: "the old secret", expires_at: GRACE_END },
];

test("both secrets sign within the grace period, the new one first", async () => {
  expect(await signaturesAt("2026-01-01T23:59:59.999Z", rotated)).toEqual([
    signedWith("the new secret"),
    signedWith("the old secret"),
  ]);
});

test("only the new secret signs after the grace period", async () => {
  expect(await signaturesAt(GRACE_END, rotated)).toEqual([signedWith("the new secret")]);
});

test("a webhook without a readable secret has no signer", async () => {
  expect(await signaturesAt(GRACE_END, [])).toEqual([]);
});

test("a prepared webhook keeps only what a delivery needs, and shares equal values", () => {
  const one = prepareWebhook(webhookRecord({ description: "long" }));
  const other = prepareWebhook(webhookRecord({ id: "wh_other" }));
  expect(Object.keys(one.record).toSorted()).toEqual([
    "dialect",
    "enabled",
    "headers",
    "id",
    "org_id",
    "timeout_ms",
    "url",
    "user_id",
  ]);
  expect(other.scheduleMs).toBe(one.scheduleMs);
  expect(other.matches).toBe(one.matches);
  const narrow = prepareWebhook(webhookRecord({ events: ["file.*"], retry_schedule: ["1s"] }));
  expect([narrow.matches("file.created"), narrow.matches("share.linked")]).toEqual([true, false]);
  expect(narrow.scheduleMs).toEqual([1_000]);
});
