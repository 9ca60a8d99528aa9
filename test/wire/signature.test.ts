import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { bunHmac } from "../../src/delivery/deliver.ts";
import { flux } from "../../src/wire/dialects/flux.ts";
import { fluxdrop } from "../../src/wire/dialects/fluxdrop.ts";
import { makeSecret } from "../../src/wire/secret.ts";
import {
  hexHmac,
  Signer,
  signRequest,
  signRequestWith,
  standardContent,
  type RequestToSign,
} from "../../src/wire/signature.ts";
import { hex, standard } from "../vectors/signatures.json";

const RAW_SECRET = "It's a Secret to Everybody";
const BODY = '{"id":"evt_1","data":{"s":"ünïcode 😀 \u2028"}}';

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function request(secrets: readonly string[], more: Partial<RequestToSign> = {}): RequestToSign {
  return {
    dialect: fluxdrop,
    secrets: secrets.map((secret) => new Signer(secret)),
    eventId: "evt_1",
    eventType: "file.created",
    deliveryId: "0b9d1f0e-6c53-4a0e-9f0d-1d6f5ac1f7a1",
    unixSeconds: Math.floor(Date.now() / 1000),
    body: BODY,
    bodyBytes: utf8(BODY),
    ...more,
  };
}

describe("signing the published vector", () => {
  const content = standardContent(standard.id, String(standard.timestamp), utf8(standard.body));
  const signer = new Signer(standard.secret);

  test("gives the signature of Standard Webhooks, with Web Crypto and with Bun's HMAC", async () => {
    expect(`v1,${await signer.standard(content)}`).toBe(standard.signature);
    expect(`v1,${signer.standardWith(bunHmac, "", content)}`).toBe(standard.signature);
  });

  test("gives the hex signature, with Web Crypto and with Bun's HMAC", async () => {
    expect(await new Signer(hex.secret).hex(utf8(hex.body))).toBe(hex.signature);
    expect(new Signer(hex.secret).hexWith(bunHmac, "", utf8(hex.body))).toBe(hex.signature);
    expect(await hexHmac(hex.secret, utf8(hex.body))).toBe(hex.signature);
  });

  test("gives the same signature with the cached key", async () => {
    expect(await signer.standard(content)).toBe(await signer.standard(content));
  });
});

describe("signRequest", () => {
  test("sends the headers of docs/design.md §2.3 and no others", async () => {
    const secret = makeSecret();
    const headers = await signRequest(request([secret], { unixSeconds: 1_769_860_800 }));
    const own = createHmac("sha256", secret).update(BODY).digest("hex");
    expect(headers).toEqual({
      "User-Agent": "Fluxhook/1.0",
      "Content-Type": "application/json",
      "X-Fluxdrop-Event": "file.created",
      "X-Fluxdrop-Delivery": "0b9d1f0e-6c53-4a0e-9f0d-1d6f5ac1f7a1",
      "X-Fluxdrop-Timestamp": "1769860800",
      "X-Fluxdrop-Signature": own,
      "webhook-id": "evt_1",
      "webhook-timestamp": "1769860800",
      "webhook-signature": expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
    });
  });

  test.each([
    ["a made secret", makeSecret(), undefined],
    ["the vector's secret", standard.secret, undefined],
    ["a user's own secret", RAW_SECRET, { format: "raw" } as const],
  ])("is verified by standardwebhooks and svix, with %s", async (_claim, secret, options) => {
    const toSign = request([secret]);
    for (const headers of [await signRequest(toSign), signRequestWith(bunHmac, toSign)]) {
      expect(new StandardWebhook(secret, options).verify(BODY, headers)).toEqual(JSON.parse(BODY));
      // svix answers with nothing and throws where it refuses, as the test below shows.
      new SvixWebhook(secret, options).verify(BODY, headers);
    }
  });

  test("is refused by standardwebhooks and svix with another secret or body", async () => {
    const secret = makeSecret();
    const headers = await signRequest(request([secret]));
    expect(() => new StandardWebhook(makeSecret()).verify(BODY, headers)).toThrow("signature");
    expect(() => new StandardWebhook(secret).verify(`${BODY} `, headers)).toThrow("signature");
    expect(() => new SvixWebhook(makeSecret()).verify(BODY, headers)).toThrow("signature");
    expect(() => new SvixWebhook(secret).verify(`${BODY} `, headers)).toThrow("signature");
  });

  test("sends both standard signatures during a rotation, and its own with the new secret", async () => {
    const [newest, oldest] = [makeSecret(), RAW_SECRET];
    const headers = signRequestWith(bunHmac, request([newest, oldest]));
    new StandardWebhook(newest).verify(BODY, headers);
    new StandardWebhook(oldest, { format: "raw" }).verify(BODY, headers);
    new SvixWebhook(newest).verify(BODY, headers);
    expect(headers["X-Fluxdrop-Signature"]).toBe(
      createHmac("sha256", newest).update(BODY).digest("hex"),
    );
    const [first] = (headers["webhook-signature"] ?? "").split(" ");
    const alone = await signRequest(request([newest]));
    expect(first).toBe(alone["webhook-signature"]);
  });

  test.each([fluxdrop, flux])(
    "gives the same headers of $name with Bun's HMAC",
    async (dialect) => {
      const secrets = [makeSecret(), RAW_SECRET];
      const toSign = request(secrets, { dialect, unixSeconds: 1_769_860_800 });
      expect(signRequestWith(bunHmac, toSign)).toEqual(await signRequest(toSign));
    },
  );

  test("refuses to sign without a secret", async () => {
    expect(signRequest(request([]))).rejects.toThrow("without a secret");
  });
});

test("a signer refuses a malformed whsec_ secret when it is created", () => {
  expect(() => new Signer("whsec_")).toThrow("well-formed base64");
});
