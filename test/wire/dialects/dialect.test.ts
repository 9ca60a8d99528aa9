// What holds for every dialect: `data` untouched, the same bytes each time, and signatures that
// libraries from other hands verify, as Fluxhook verifies theirs.
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { DIALECT_NAMES, dialectOf } from "../../../src/wire/dialects/registry.ts";
import { makeSecret } from "../../../src/wire/secret.ts";
import { Signer, signRequest } from "../../../src/wire/signature.ts";
import { verifyRequest } from "../../../src/wire/verify.ts";
import { texts as dataTexts } from "../../vectors/data-texts.json";
import { standard as vector } from "../../vectors/signatures.json";
import { JsonWriter, seededRandom } from "../seeded-random.ts";

const INPUT = { id: "id_1", type: "file.created", timestamp: "2026-01-31T12:00:00Z" };
const NOW_SECONDS = Math.floor(Date.now() / 1_000);
const RAW = { format: "raw" } as const;

/** Each form that a secret may have, with what the libraries must be told about it. */
const SECRETS = [
  ["a made secret", makeSecret(), undefined],
  ["the vector's secret", vector.secret, undefined],
  ["the longest key", `whsec_${Buffer.alloc(64, 9).toString("base64")}`, undefined],
  ["a text of the user's own", "It's a Secret to Everybody", RAW],
  ["the longest text", "~ ".repeat(64), RAW],
] as const;

const cases = DIALECT_NAMES.flatMap((name) => SECRETS.map((secret) => [name, ...secret] as const));

function bodyOf(name: (typeof DIALECT_NAMES)[number], data = '{"s":"ünïcode 😀 \u2028"}'): string {
  return dialectOf(name).envelope({ ...INPUT, data });
}

async function sign(name: (typeof DIALECT_NAMES)[number], ...secrets: string[]) {
  const body = bodyOf(name);
  const headers = await signRequest({
    dialect: dialectOf(name),
    secrets: secrets.map((secret) => new Signer(secret)),
    eventId: INPUT.id,
    eventType: INPUT.type,
    deliveryId: "0b9d1f0e-6c53-4a0e-9f0d-1d6f5ac1f7a1",
    unixSeconds: NOW_SECONDS,
    body,
    bodyBytes: new TextEncoder().encode(body),
  });
  return { body, headers };
}

describe.each(DIALECT_NAMES)("the %s envelope", (name) => {
  test.each(dataTexts)("ends with data unchanged: %s", (data) => {
    const body = bodyOf(name, data);
    expect(body.endsWith(`,"data":${data}}`)).toBe(true);
    expect((JSON.parse(body) as { data: unknown }).data).toEqual(JSON.parse(data));
    expect(bodyOf(name, data)).toBe(body);
  });

  test("has the members that the dialect lists, in order and of the right type", () => {
    const { body } = dialectOf(name);
    const sent = JSON.parse(bodyOf(name)) as Record<string, unknown>;
    expect(Object.keys(sent)).toEqual(Object.keys(body));
    for (const [member, { type, const: fixed, pattern = "" }] of Object.entries(body)) {
      const value = sent[member];
      expect([member, Number.isInteger(value) ? "integer" : typeof value]).toEqual([member, type]);
      if (fixed !== undefined) expect(value).toBe(fixed);
      expect(String(value)).toMatch(new RegExp(pattern));
    }
  });

  test("is JSON around any data", () => {
    const writer = new JsonWriter(seededRandom(11));
    for (let round = 0; round < 500; round++) {
      const data = writer.object(3);
      const parsed = JSON.parse(bodyOf(name, data)) as { data: unknown };
      expect(parsed.data).toEqual(JSON.parse(data));
    }
  });
});

describe("independent implementations", () => {
  test.each(cases)("verify what %s signs with %s", async (name, _form, secret, options) => {
    const { body, headers } = await sign(name, secret);
    expect(new StandardWebhook(secret, options).verify(body, headers)).toEqual(JSON.parse(body));
    // svix answers with nothing and throws where it refuses, as the second half shows.
    new SvixWebhook(secret, options).verify(body, headers);
    for (const Library of [StandardWebhook, SvixWebhook]) {
      expect(() => new Library(makeSecret()).verify(body, headers)).toThrow("signature");
      expect(() => new Library(secret, options).verify(`${body} `, headers)).toThrow("signature");
    }
  });

  test.each(cases)("sign what %s verifies with %s", async (name, _form, secret, options) => {
    const { body, headers } = await sign(name, secret);
    for (const Library of [StandardWebhook, SvixWebhook]) {
      const signature = new Library(secret, options).sign(
        headers["webhook-id"] ?? "",
        new Date(NOW_SECONDS * 1_000),
        body,
      );
      const request = {
        dialect: dialectOf(name),
        secret,
        headers: new Headers({ ...headers, "webhook-signature": signature }),
        nowSeconds: NOW_SECONDS,
      };
      expect(await verifyRequest({ ...request, body })).toEqual({ ok: true });
      expect(await verifyRequest({ ...request, body: `${body} ` })).toMatchObject({ ok: false });
    }
  });
});

describe("during a rotation", () => {
  const [newest, oldest] = [makeSecret(), "the old one of ours"] as const;

  test.each(DIALECT_NAMES)(
    "%s carries two v1 in webhook-signature, the new one first",
    async (name) => {
      const { body, headers } = await sign(name, newest, oldest);
      const signatures = (headers["webhook-signature"] ?? "").split(" ");
      const alone = await sign(name, newest);
      expect(signatures).toHaveLength(2);
      expect(signatures[0]).toBe(alone.headers["webhook-signature"] ?? "");
      for (const Library of [StandardWebhook, SvixWebhook]) {
        new Library(newest).verify(body, headers);
        new Library(oldest, RAW).verify(body, headers);
      }
    },
  );

  test("flux also has two v1=, and both secrets verify", async () => {
    const { body, headers } = await sign("flux", newest, oldest);
    const [first, second] = [newest, oldest].map((secret) =>
      createHmac("sha256", secret).update(`${NOW_SECONDS}.${body}`).digest("hex"),
    );
    expect(headers["Flux-Signature"]).toBe(`t=${NOW_SECONDS},v1=${first},v1=${second}`);
    for (const secret of [newest, oldest]) {
      const request = { secret, headers: new Headers(headers), body, nowSeconds: NOW_SECONDS };
      expect(await verifyRequest({ dialect: dialectOf("flux"), ...request })).toEqual({ ok: true });
    }
  });

  test.each([
    ["fluxdrop", "X-Fluxdrop-Signature", ""],
    ["fluxdesk", "X-FluxDesk-Signature", "v1="],
  ] as const)("%s signs its own header with the new secret alone", async (name, header, scheme) => {
    const { body, headers } = await sign(name, newest, oldest);
    const hex = createHmac("sha256", newest).update(body).digest("hex");
    expect(headers[header]).toBe(scheme + hex);
  });
});
