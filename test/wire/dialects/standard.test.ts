import { expect, test } from "bun:test";
import { standard } from "../../../src/wire/dialects/standard.ts";
import { Signer, signRequest } from "../../../src/wire/signature.ts";
import { verifyRequest } from "../../../src/wire/verify.ts";
import { standard as vector } from "../../vectors/signatures.json";

async function vectorRequest(): Promise<Record<string, string>> {
  return signRequest({
    dialect: standard,
    secrets: [new Signer(vector.secret)],
    eventId: vector.id,
    eventType: "file.created",
    deliveryId: "d",
    unixSeconds: vector.timestamp,
    body: vector.body,
    bodyBytes: new TextEncoder().encode(vector.body),
  });
}

test("the standard envelope has its three members in order, with data unchanged", () => {
  const input = { id: "id_1", type: "file.created", timestamp: "2026-01-31T12:00:00Z" };
  expect(standard.envelope({ ...input, data: '{"n": 1.0}' })).toBe(
    '{"type":"file.created","timestamp":"2026-01-31T12:00:00Z","data":{"n": 1.0}}',
  );
});

test("standard sends the published vector's headers and no other signature", async () => {
  expect(await vectorRequest()).toEqual({
    "User-Agent": "Fluxhook/1.0",
    "Content-Type": "application/json",
    "webhook-id": vector.id,
    "webhook-timestamp": String(vector.timestamp),
    "webhook-signature": vector.signature,
  });
});

test("standard verifies the published vector by webhook-signature alone", async () => {
  const headers = new Headers(await vectorRequest());
  const { secret, body, timestamp: nowSeconds } = vector;
  const request = { dialect: standard, secret, headers, body, nowSeconds };
  expect(await verifyRequest(request)).toEqual({ ok: true });
  expect(await verifyRequest({ ...request, body: "{}" })).toMatchObject({ ok: false });
});
