import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { fluxdrop } from "../../src/wire/dialects/fluxdrop.ts";
import { makeSecret } from "../../src/wire/secret.ts";
import { Signer, signRequest } from "../../src/wire/signature.ts";
import {
  verifyHex,
  verifyRequest,
  verifyStandard,
  type VerificationFailure,
} from "../../src/wire/verify.ts";
import { hex, standard } from "../vectors/signatures.json";

const GOOD = {
  "webhook-id": standard.id,
  "webhook-timestamp": String(standard.timestamp),
  "webhook-signature": standard.signature,
};

function verify(
  headers: Record<string, string>,
  more: { secret?: string; body?: string; nowSeconds?: number } = {},
) {
  return verifyStandard({
    secret: standard.secret,
    headers: new Headers(headers),
    body: standard.body,
    nowSeconds: standard.timestamp,
    ...more,
  });
}

function without(name: keyof typeof GOOD): Record<string, string> {
  return Object.fromEntries(Object.entries(GOOD).filter(([key]) => key !== name));
}

describe("verifyStandard accepts", () => {
  test.each<[claim: string, signature: string]>([
    ["the vector", standard.signature],
    ["the good one among bad ones", `v1,bad v2,bad ${standard.signature} v1,bad`],
  ])("%s", async (_claim, signature) => {
    expect(await verify({ ...GOOD, "webhook-signature": signature })).toEqual({ ok: true });
  });

  test.each([-300, -1, 0, 1, 300])("a request from %i s ago", async (age) => {
    expect(await verify(GOOD, { nowSeconds: standard.timestamp + age })).toEqual({ ok: true });
  });

  test("requests that standardwebhooks has signed", async () => {
    const secret = makeSecret();
    const signature = new StandardWebhook(secret).sign("msg_1", new Date(1_769_860_800_000), "{}");
    const headers = {
      "webhook-id": "msg_1",
      "webhook-timestamp": "1769860800",
      "webhook-signature": signature,
    };
    expect(await verify(headers, { secret, body: "{}", nowSeconds: 1_769_860_800 })).toEqual({
      ok: true,
    });
  });
});

describe("verifyStandard rejects", () => {
  const [, base64 = ""] = standard.signature.split(",");
  test.each<[claim: string, headers: Record<string, string>, failure: VerificationFailure]>([
    ["no id", without("webhook-id"), "missing-header"],
    ["no timestamp", without("webhook-timestamp"), "missing-header"],
    ["no signature", without("webhook-signature"), "missing-header"],
    ["an empty signature", { ...GOOD, "webhook-signature": "" }, "missing-header"],
    ["the timestamp hello", { ...GOOD, "webhook-timestamp": "hello" }, "bad-timestamp"],
    ["a timestamp with a dot", { ...GOOD, "webhook-timestamp": "1614265330.0" }, "bad-timestamp"],
    ["a negative timestamp", { ...GOOD, "webhook-timestamp": "-1614265330" }, "bad-timestamp"],
    [
      "a timestamp with more behind it",
      { ...GOOD, "webhook-timestamp": "1614265330x" },
      "bad-timestamp",
    ],
    ["another timestamp", { ...GOOD, "webhook-timestamp": "1614265331" }, "no-matching-signature"],
    ["another id", { ...GOOD, "webhook-id": "msg_other" }, "no-matching-signature"],
    ["an empty v1,", { ...GOOD, "webhook-signature": "v1," }, "no-matching-signature"],
    [
      "a truncated v1,",
      { ...GOOD, "webhook-signature": standard.signature.slice(0, -2) },
      "no-matching-signature",
    ],
    [
      "a lengthened v1,",
      { ...GOOD, "webhook-signature": `${standard.signature}=` },
      "no-matching-signature",
    ],
    [
      "other last bits",
      { ...GOOD, "webhook-signature": standard.signature.replace("E=", "F=") },
      "no-matching-signature",
    ],
    ["the version v2", { ...GOOD, "webhook-signature": `v2,${base64}` }, "no-matching-signature"],
    ["no version", { ...GOOD, "webhook-signature": base64 }, "no-matching-signature"],
    ["a bare version", { ...GOOD, "webhook-signature": "v1" }, "no-matching-signature"],
    [
      "one good after very many bad",
      { ...GOOD, "webhook-signature": `${"v1,bad ".repeat(100)}${standard.signature}` },
      "no-matching-signature",
    ],
  ])("%s", async (_claim, headers, failure) => {
    expect(await verify(headers)).toMatchObject({ ok: false, failure });
  });

  test.each<[nowSeconds: number, failure: VerificationFailure]>([
    [standard.timestamp + 301, "too-old"],
    [standard.timestamp - 301, "too-new"],
  ])("the time now %i: %s", async (nowSeconds, failure) => {
    expect(await verify(GOOD, { nowSeconds })).toEqual({
      ok: false,
      failure,
      header: "webhook-timestamp",
    });
  });

  test("another body and another secret", async () => {
    expect(await verify(GOOD, { body: '{"test":2432232314}' })).toMatchObject({ ok: false });
    expect(await verify(GOOD, { secret: makeSecret() })).toMatchObject({ ok: false });
  });

  test("an id with a dot, which moves signed text into the id", async () => {
    // `a.1.2.{}` is signed as id `a`, time 1, body `2.{}`; cut elsewhere, the id would be `a.1`.
    const body = `${standard.timestamp}.{}`;
    const signature = new StandardWebhook(standard.secret).sign("a", new Date(1000), body);
    const forged = {
      "webhook-id": "a.1",
      "webhook-timestamp": String(standard.timestamp),
      "webhook-signature": signature,
    };
    expect(await verify(forged, { body: "{}" })).toEqual({
      ok: false,
      failure: "bad-id",
      header: "webhook-id",
    });
  });

  test("a bare whsec_ by throwing, for any headers", async () => {
    expect(verify({}, { secret: "whsec_" })).rejects.toThrow("well-formed base64");
  });
});

describe("verifyHex", () => {
  test("accepts the vector, in either case, among others", async () => {
    expect(await verifyHex(hex.secret, hex.body, [hex.signature])).toBe(true);
    expect(await verifyHex(hex.secret, hex.body, ["", hex.signature.toUpperCase()])).toBe(true);
    expect(await verifyHex(new Signer(hex.secret), hex.body, [hex.signature])).toBe(true);
  });

  test.each([
    ["nothing", []],
    ["an empty text", [""]],
    ["a truncated one", [hex.signature.slice(0, -1)]],
    ["a longer one", [`${hex.signature}0`]],
    ["a prefix", [`sha256=${hex.signature}`]],
    ["another one", [createHmac("sha256", "another").update(hex.body).digest("hex")]],
  ])("rejects %s", async (_claim, candidates) => {
    expect(await verifyHex(hex.secret, hex.body, candidates)).toBe(false);
  });

  test("accepts any text as secret, even a malformed whsec_", async () => {
    const signature = createHmac("sha256", "whsec_").update("x").digest("hex");
    expect(await verifyHex("whsec_", "x", [signature])).toBe(true);
  });
});

describe("verifyRequest", () => {
  const body = '{"id":"evt_1"}';
  const nowSeconds = 1_769_860_800;
  const secret = makeSecret();

  async function signed(secrets = [secret]): Promise<Headers> {
    const headers = await signRequest({
      dialect: fluxdrop,
      secrets: secrets.map((text) => new Signer(text)),
      eventId: "evt_1",
      eventType: "file.created",
      deliveryId: "d",
      unixSeconds: nowSeconds,
      body,
      bodyBytes: new TextEncoder().encode(body),
    });
    return new Headers(headers);
  }

  function verifyWith(headers: Headers, more: { body?: string; nowSeconds?: number } = {}) {
    return verifyRequest({ dialect: fluxdrop, secret, headers, body, nowSeconds, ...more });
  }

  test("accepts requests that signRequest has signed", async () => {
    expect(await verifyWith(await signed())).toEqual({ ok: true });
  });

  test("accepts the newest secret of a rotation", async () => {
    expect(await verifyWith(await signed([secret, makeSecret()]))).toEqual({ ok: true });
  });

  test.each(["x-fluxdrop-signature", "webhook-id", "webhook-timestamp", "webhook-signature"])(
    "rejects a request without %s",
    async (header) => {
      const headers = await signed();
      headers.delete(header);
      expect(await verifyWith(headers)).toEqual({ ok: false, failure: "missing-header", header });
    },
  );

  test("rejects a wrong signature of the dialect even if the standard one is correct", async () => {
    const headers = await signed();
    headers.set("x-fluxdrop-signature", "00".repeat(32));
    expect(await verifyWith(headers)).toEqual({
      ok: false,
      failure: "no-matching-signature",
      header: "x-fluxdrop-signature",
    });
  });

  test("rejects a replay and another body", async () => {
    const headers = await signed();
    expect(await verifyWith(headers, { nowSeconds: nowSeconds + 301 })).toMatchObject({
      failure: "too-old",
    });
    expect(await verifyWith(headers, { body: "{}" })).toMatchObject({ ok: false });
  });
});
