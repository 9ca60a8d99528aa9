import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { Flux } from "../../src/sdk/flux.ts";
import type { RawBody } from "../../src/sdk/raw-body.ts";
import type { RequestHeaders, SignatureOrHeaders } from "../../src/sdk/request-headers.ts";
import { verify } from "../../src/sdk/verify.ts";
import { dialectOf, DIALECT_NAMES } from "../../src/wire/dialects/registry.ts";
import { hex, standard } from "../vectors/signatures.json";
import {
  NOW_SECONDS,
  OTHER_SECRET,
  SECRET,
  signedRequest,
  withoutStandard,
} from "./signed-request.ts";
import { GOOD, refusal, verifyVector } from "./verify-vector.ts";

const OWN_DIALECTS = DIALECT_NAMES.filter((name) => dialectOf(name).ownSignature !== null);
function without(name: keyof typeof GOOD): Record<string, string> {
  return Object.fromEntries(Object.entries(GOOD).filter(([key]) => key !== name));
}

/** The header as the dialect writes it, of a request without the standard ones. */
async function ownHeader(name: (typeof OWN_DIALECTS)[number], options = {}) {
  const { headers, body } = await signedRequest(name, options);
  const header = dialectOf(name).ownSignature?.header.toLowerCase() ?? "";
  return { headers, body, header, value: headers[header] ?? "" };
}

describe("verify accepts", () => {
  test.each<[claim: string, signature: string]>([
    ["the vector of Standard Webhooks", standard.signature],
    ["the good one among bad ones", `v1,bad v2,bad ${standard.signature} v1,bad`],
  ])("%s", (_claim, signature) => {
    const event = verifyVector({ ...GOOD, "webhook-signature": signature });
    expect(event).toEqual(JSON.parse(standard.body));
  });

  test.each([-300, 0, 300])("a request from %i s ago", (age) => {
    expect(() => verifyVector(GOOD, { nowSeconds: standard.timestamp + age })).not.toThrow();
  });

  test.each<[claim: string, payload: RawBody]>([
    ["text", standard.body],
    ["a Buffer", Buffer.from(standard.body)],
    ["a Uint8Array", new TextEncoder().encode(standard.body)],
    ["an ArrayBuffer", Uint8Array.from(Buffer.from(standard.body)).buffer],
    ["a view of more", Buffer.from(`..${standard.body}..`).subarray(2, -2)],
  ])("%s", (_claim, payload) => {
    expect(() => verifyVector(GOOD, { payload })).not.toThrow();
  });

  test.each<[claim: string, headers: RequestHeaders]>([
    ["Headers", new Headers(GOOD)],
    ["a plain object", GOOD],
    [
      "names in any case",
      {
        "Webhook-Id": standard.id,
        "WEBHOOK-TIMESTAMP": GOOD["webhook-timestamp"],
        "Webhook-signature": standard.signature,
      },
    ],
    [
      "values as lists",
      Object.fromEntries(Object.entries(GOOD).map(([name, value]) => [name, [value]])),
    ],
    ["an object with nothing behind it", Object.assign(Object.create(null) as typeof GOOD, GOOD)],
  ])("headers as %s", (_claim, headers) => {
    expect(() => verifyVector(headers)).not.toThrow();
  });

  test("the signature of the hex vector", () => {
    // Its body is no JSON, which no body of Fluxhook is.
    const { code } = refusal(() => verify(hex.body, hex.signature, hex.secret));
    expect(code).toBe("bad-body");
  });

  test.each(DIALECT_NAMES)(
    "requests that Fluxhook signs for %s, by their headers",
    async (name) => {
      const { headers, body } = await signedRequest(name);
      expect(verify<object>(body, headers, SECRET, { nowSeconds: NOW_SECONDS })).toEqual(
        JSON.parse(body),
      );
    },
  );

  test.each(DIALECT_NAMES)(
    "what Fluxhook signs for %s with a secret of one's own",
    async (name) => {
      const secret = "a secret of my own";
      const { headers, body } = await signedRequest(name, { secrets: [secret] });
      expect(() => verify(body, headers, secret, { nowSeconds: NOW_SECONDS })).not.toThrow();
    },
  );

  test.each(OWN_DIALECTS)("the own header of %s if the standard ones are missing", async (name) => {
    const { headers, body, value } = await ownHeader(name);
    for (const given of [withoutStandard(headers), value, [value]]) {
      expect(verify<object>(body, given, SECRET, { nowSeconds: NOW_SECONDS })).toEqual(
        JSON.parse(body),
      );
    }
  });

  test("any of several secrets, and both signatures of a rotation", async () => {
    for (const name of DIALECT_NAMES) {
      const rotating = await signedRequest(name, { secrets: [OTHER_SECRET, SECRET] });
      const options = { nowSeconds: NOW_SECONDS };
      for (const secret of [OTHER_SECRET, SECRET, [SECRET, OTHER_SECRET]]) {
        expect(() => verify(rotating.body, rotating.headers, secret, options)).not.toThrow();
      }
    }
    const { body, value } = await ownHeader("fluxdrop");
    for (const secrets of [
      [OTHER_SECRET, SECRET],
      [SECRET, OTHER_SECRET],
    ]) {
      expect(() => verify(body, value, secrets)).not.toThrow();
    }
  });

  test("requests that standardwebhooks and svix have signed", () => {
    const at = new Date(NOW_SECONDS * 1_000);
    for (const library of [new StandardWebhook(SECRET), new SvixWebhook(SECRET)]) {
      const headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": String(NOW_SECONDS),
        "webhook-signature": library.sign("msg_1", at, "{}"),
      };
      expect(verify("{}", headers, SECRET, { nowSeconds: NOW_SECONDS })).toEqual({} as never);
    }
  });

  test("a current request, by this machine's clock", async () => {
    const unixSeconds = Math.floor(Date.now() / 1_000);
    const { headers, body } = await signedRequest("flux", { unixSeconds });
    expect(() => verify(body, headers, SECRET)).not.toThrow();
  });

  test("any age if the tolerance is Infinity", () => {
    const nowSeconds = standard.timestamp + 1e9;
    expect(() => verifyVector(GOOD, { nowSeconds, toleranceSeconds: Infinity })).not.toThrow();
  });

  test("requests as a method of the client too", async () => {
    const flux = new Flux({ apiKey: "key" });
    expect(() =>
      flux.webhooks.verify(standard.body, GOOD, standard.secret, {
        nowSeconds: standard.timestamp,
      }),
    ).not.toThrow();
  });
});

describe("verify refuses", () => {
  const [, base64 = ""] = standard.signature.split(",");
  const signature = (value: string) => ({ ...GOOD, "webhook-signature": value });
  const timestamp = (value: string) => ({ ...GOOD, "webhook-timestamp": value });

  test.each<[claim: string, headers: SignatureOrHeaders, code: string, header: string]>([
    ["no id", without("webhook-id"), "missing-header", "webhook-id"],
    ["no timestamp", without("webhook-timestamp"), "missing-header", "webhook-timestamp"],
    ["no signature", without("webhook-signature"), "missing-header", "webhook-signature"],
    ["an empty signature", signature(""), "missing-header", "webhook-signature"],
    ["no header at all", {}, "missing-header", "webhook-signature"],
    ["an undefined value", undefined, "missing-header", "signature"],
    ["an empty value", "", "missing-header", "signature"],
    ["webhook-signature without its id", standard.signature, "missing-header", "webhook-id"],
    ["an id with a dot", { ...GOOD, "webhook-id": "a.b" }, "bad-id", "webhook-id"],
    ["the timestamp hello", timestamp("hello"), "bad-timestamp", "webhook-timestamp"],
    [
      "a timestamp with a fraction",
      timestamp("1614265330.0"),
      "bad-timestamp",
      "webhook-timestamp",
    ],
    ["a negative timestamp", timestamp("-1614265330"), "bad-timestamp", "webhook-timestamp"],
    ["another timestamp", timestamp("1614265331"), "no-matching-signature", "webhook-signature"],
    ["another id", { ...GOOD, "webhook-id": "m" }, "no-matching-signature", "webhook-signature"],
    ["an empty v1,", signature("v1,"), "no-matching-signature", "webhook-signature"],
    [
      "a truncated v1,",
      signature(standard.signature.slice(0, -2)),
      "no-matching-signature",
      "webhook-signature",
    ],
    [
      "a lengthened v1,",
      signature(`${standard.signature}=`),
      "no-matching-signature",
      "webhook-signature",
    ],
    [
      "other last bits",
      signature(standard.signature.replace("E=", "F=")),
      "no-matching-signature",
      "webhook-signature",
    ],
    ["the version v2", signature(`v2,${base64}`), "no-matching-signature", "webhook-signature"],
    ["no version", signature(base64), "no-matching-signature", "webhook-signature"],
    [
      "one good after very many bad",
      signature(`${"v1,bad ".repeat(100)}${standard.signature}`),
      "no-matching-signature",
      "webhook-signature",
    ],
    ["a value of no known form", "sha256=abc", "no-matching-signature", "signature"],
  ])("%s", (_claim, headers, code, header) => {
    const error = refusal(() => verifyVector(headers));
    expect<object>({ code: error.code, header: error.header }).toEqual({ code, header });
    expect(error.name).toBe("WebhookVerificationError");
  });

  test.each<[nowSeconds: number, toleranceSeconds: number | undefined, code: string]>([
    [standard.timestamp + 301, undefined, "too-old"],
    [standard.timestamp - 301, undefined, "too-new"],
    [standard.timestamp + 11, 10, "too-old"],
    [standard.timestamp - 11, 10, "too-new"],
  ])("the time now %i with a tolerance of %p: %s", (nowSeconds, toleranceSeconds, code) => {
    const error = refusal(() => verifyVector(GOOD, { nowSeconds, toleranceSeconds }));
    expect<string>(error.code).toBe(code);
  });

  test.each(DIALECT_NAMES)("another body and another secret for %s", async (name) => {
    const { headers, body } = await signedRequest(name);
    const options = { nowSeconds: NOW_SECONDS };
    for (const given of [headers, withoutStandard(headers)]) {
      const expected =
        given === headers || name !== "standard" ? "no-matching-signature" : "missing-header";
      expect<string>(refusal(() => verify(`${body} `, given, SECRET, options)).code).toBe(expected);
      expect<string>(refusal(() => verify(body, given, OTHER_SECRET, options)).code).toBe(expected);
    }
  });

  test.each(OWN_DIALECTS)(
    "a right own signature of %s beside a wrong standard one",
    async (name) => {
      const { headers, body } = await signedRequest(name);
      const forged = { ...headers, "webhook-signature": `v1,${btoa("wrong")}` };
      const { code } = refusal(() => verify(body, forged, SECRET, { nowSeconds: NOW_SECONDS }));
      expect(code).toBe("no-matching-signature");
    },
  );

  test("a request without one of the standard headers, regardless of its other headers", async () => {
    const { headers, body } = await signedRequest("fluxdrop");
    for (const name of Object.keys(GOOD)) {
      const { [name]: _gone, ...rest } = headers;
      const error = refusal(() => verify(body, rest, SECRET, { nowSeconds: NOW_SECONDS }));
      expect({ code: error.code, header: error.header }).toEqual({
        code: "missing-header",
        header: name,
      });
    }
  });

  test("a Flux-Signature that is old, in the future, or has a changed time", async () => {
    const { body, value } = await ownHeader("flux");
    const at = (nowSeconds: number) =>
      refusal(() => verify(body, value, SECRET, { nowSeconds })).code;
    expect(at(NOW_SECONDS + 301)).toBe("too-old");
    expect(at(NOW_SECONDS - 301)).toBe("too-new");
    const changed = (text: string) =>
      refusal(() => verify(body, text, SECRET, { nowSeconds: NOW_SECONDS })).code;
    expect(changed(value.replace(/^t=\d+/, `t=${NOW_SECONDS + 1}`))).toBe("no-matching-signature");
    expect(changed(value.replace(/^t=\d+/, "t=hello"))).toBe("bad-timestamp");
    expect(changed(`${value},t=${NOW_SECONDS}`)).toBe("bad-timestamp");
  });

  test("a correct signature without a time if there is a wrong one with a time", async () => {
    const { headers, body } = await ownHeader("fluxdrop");
    const both = { ...withoutStandard(headers), "flux-signature": `t=${NOW_SECONDS},v1=00` };
    expect(refusal(() => verify(body, both, SECRET, { nowSeconds: NOW_SECONDS })).header).toBe(
      "flux-signature",
    );
  });

  test("a hex signature in upper case, which Fluxhook never writes", async () => {
    const { body, value } = await ownHeader("fluxdrop");
    expect(refusal(() => verify(body, value.toUpperCase(), SECRET)).code).toBe(
      "no-matching-signature",
    );
  });

  test("a request without a time if requireTime is set", async () => {
    for (const name of ["fluxdrop", "fluxdesk"] as const) {
      const { body, value } = await ownHeader(name);
      const error = refusal(() => verify(body, value, SECRET, { requireTime: true }));
      expect(error.header).toBe("webhook-timestamp");
    }
    const options = { requireTime: true, nowSeconds: NOW_SECONDS };
    const { headers, body, value } = await ownHeader("flux");
    expect(() => verify(body, value, SECRET, options)).not.toThrow();
    expect(() => verify(body, headers, SECRET, options)).not.toThrow();
  });

  test.each([
    ["text", "no JSON"],
    ["a number", "5"],
    ["an array", "[]"],
    ["null", "null"],
    ["malformed UTF-8", Buffer.from('{"name":"\xff"}', "latin1")],
    ["a byte order mark", "\ufeff{}"],
    // What a webhook-signature of a raw secret covers, presented as the body of another header.
    ["the content of another form", `evt_1.${NOW_SECONDS}.{}`],
  ])("%s under a right signature", (_claim, body) => {
    const right = createHmac("sha256", SECRET).update(body).digest("hex");
    const error = refusal(() => verify(body, right, SECRET));
    expect({ code: error.code, header: error.header }).toEqual({ code: "bad-body", header: null });
  });
});
