// What a receiver must refuse, per dialect: requests made from genuine ones by somebody in between,
// or by a sender who has read the documentation wrongly.
import { createHash, createHmac } from "node:crypto";
import type { OwnSignature } from "../../src/wire/dialects/dialect.ts";
import { dialectOf, type DialectName } from "../../src/wire/dialects/registry.ts";
import type { SentRequest } from "./express-receivers.ts";

export interface Captured {
  genuine: SentRequest;
  /** The one that came after it, to the same webhook. */
  next: SentRequest;
  /** The same event for another webhook: the same body, by another secret. */
  otherWebhook: SentRequest;
  secret: string;
}

/** Changes a copy of the genuine request. */
type Tamper = (request: SentRequest, captured: Captured) => void;
export type Tampering = [claim: string, tamper: Tamper];

export function tampered(captured: Captured, tamper: Tamper): SentRequest {
  const { headers, body } = captured.genuine;
  const copy = { headers: { ...headers }, body: Buffer.from(body) };
  tamper(copy, captured);
  return copy;
}

const hmac = (key: string | Buffer, ...parts: (string | Buffer)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHmac("sha256", key)).digest();
const hexHmac = (key: string | Buffer, ...parts: (string | Buffer)[]) =>
  hmac(key, ...parts).toString("hex");
const keyOf = (secret: string) => Buffer.from(secret.replace("whsec_", ""), "base64");
const nowSeconds = () => Math.floor(Date.now() / 1_000);
const OTHER_SECRET = `whsec_${Buffer.alloc(32, 1).toString("base64")}`;

const body = (change: (text: string, captured: Captured) => string | Buffer): Tamper => {
  return (request, captured) => {
    request.body = Buffer.from(change(request.body.toString(), captured));
  };
};

const header = (
  name: string,
  change: (value: string, captured: Captured) => string | null,
): Tamper => {
  return ({ headers }, captured) => {
    const value = change(headers[name] ?? "", captured);
    if (value === null) delete headers[name];
    else headers[name] = value;
  };
};

const lastChanged = (text: string) => text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");

/** For every dialect. */
const BODIES: Tampering[] = [
  ["one bit of the body flipped", body((text) => text.replace('"n":', '"o":'))],
  ["the body written with indentation", body((text) => JSON.stringify(JSON.parse(text), null, 2))],
  ["the body parsed and written again", body((text) => JSON.stringify(JSON.parse(text)))],
  ["a line feed behind the body", body((text) => `${text}\n`)],
  ["a byte order mark before the body", body((text) => `\ufeff${text}`)],
  ["the body without its last byte", body((text) => text.slice(0, -1))],
  ["no body", body(() => "")],
  ["a member more in the body", body((text) => text.replace("{", '{"admin":true,'))],
  ["the next delivery's body", body((_text, { next }) => next.body)],
];

/** For a signature of the raw body alone. */
function hexSignature(name: string, scheme: string): Tampering[] {
  const signedBy = (sign: (captured: Captured) => string) =>
    header(name, (_value, captured) => scheme + sign(captured));
  const digits = (change: (hex: string) => string) =>
    header(name, (value) => scheme + change(value.slice(scheme.length)));
  return [
    ["no signature", header(name, () => null)],
    ["an empty signature", header(name, () => "")],
    ["the scheme without a signature", header(name, () => scheme.trim())],
    ["a truncated signature", digits((hex) => hex.slice(0, -1))],
    ["half a signature", digits((hex) => hex.slice(0, 32))],
    ["a lengthened signature", digits((hex) => `${hex}0`)],
    ["one digit of the signature changed", digits(lastChanged)],
    ["the signature in upper case", digits((hex) => hex.toUpperCase())],
    ["the signature in base64", digits((hex) => Buffer.from(hex, "hex").toString("base64"))],
    ["base64 of the hex signature", digits((hex) => btoa(hex))],
    ["the signature twice", header(name, (value) => `${value}, ${value}`)],
    ["the name of the hash before the signature", digits((hex) => `sha256=${hex}`)],
    ["another secret's signature", signedBy(({ genuine }) => hexHmac(OTHER_SECRET, genuine.body))],
    ["the other webhook's signature", header(name, (_, c) => c.otherWebhook.headers[name] ?? "")],
    ["the next delivery's signature", header(name, (_, c) => c.next.headers[name] ?? "")],
    [
      "a hash without a key",
      signedBy(({ genuine }) => createHash("sha256").update(genuine.body).digest("hex")),
    ],
    [
      "a signature by the decoded secret",
      signedBy(({ genuine, secret }) => hexHmac(keyOf(secret), genuine.body)),
    ],
  ];
}

const FLUX = "flux-signature";
const partsOf = (value: string) => {
  const [, time = "", hex = ""] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(value) ?? [];
  return { time, hex };
};
const flux = (write: (time: string, hex: string, captured: Captured) => string): Tamper =>
  header(FLUX, (value, captured) => {
    const { time, hex } = partsOf(value);
    return write(time, hex, captured);
  });
const fluxAt = (
  seconds: number | string,
  { genuine, secret }: Pick<Captured, "genuine" | "secret">,
) => `t=${seconds},v1=${hexHmac(secret, `${seconds}.`, genuine.body)}`;

const STANDARD = "webhook-signature";
/** Signed, and sent, as of that second. */
const standardAt = (secondsOf: () => number): Tamper => {
  return ({ headers, body: bytes }, { secret }) => {
    const seconds = secondsOf();
    const content = [`${headers["webhook-id"]}.${seconds}.`, bytes] as const;
    headers["webhook-timestamp"] = String(seconds);
    headers[STANDARD] = `v1,${hmac(keyOf(secret), ...content).toString("base64")}`;
  };
};
const base64 = (write: (text: string) => string) =>
  header(STANDARD, (value) => write(value.slice("v1,".length)));
const standardBy = (sign: (captured: Captured, prefix: string) => string): Tamper => {
  return ({ headers }, captured) => {
    const prefix = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`;
    headers[STANDARD] = `v1,${sign(captured, prefix)}`;
  };
};

/** What each dialect is put to, written from its page and not from our source. */
const TAMPERINGS = {
  fluxdrop: [
    ...BODIES,
    ...hexSignature("x-fluxdrop-signature", ""),
    ["no timestamp", header("x-fluxdrop-timestamp", () => null)],
    ["an old timestamp", header("x-fluxdrop-timestamp", (value) => String(Number(value) - 3_600))],
    ["another event", header("x-fluxdrop-event", () => "file.deleted")],
    ["no delivery", header("x-fluxdrop-delivery", () => null)],
  ],
  fluxdesk: [
    ...BODIES,
    ...hexSignature("x-fluxdesk-signature", "v1="),
    ["the scheme v0 alone", header("x-fluxdesk-signature", (value) => value.replace("v1", "v0"))],
    ["no scheme", header("x-fluxdesk-signature", (value) => value.slice("v1=".length))],
    ["another event", header("x-fluxdesk-event-type", () => "blocker")],
    ["no delivery", header("x-fluxdesk-delivery-id", () => null)],
  ],
  flux: [
    ...BODIES,
    ["no signature", header(FLUX, () => null)],
    ["an empty signature", header(FLUX, () => "")],
    ["no time", flux((_time, hex) => `v1=${hex}`)],
    ["an empty time", flux((_time, hex) => `t=,v1=${hex}`)],
    ["a time that is a word", flux((_time, hex) => `t=now,v1=${hex}`)],
    ["another time", flux((time, hex) => `t=${Number(time) + 1},v1=${hex}`)],
    [
      "the signature of a minute ago",
      flux((time, _hex, c) => `t=${time},${fluxAt(Number(time) - 60, c).split(",")[1]}`),
    ],
    ["an old request, replayed", flux((_time, _hex, c) => fluxAt(nowSeconds() - 301, c))],
    ["a request of the future", flux((_time, _hex, c) => fluxAt(nowSeconds() + 330, c))],
    ["a second time", flux((time, hex) => `t=${time},v1=${hex},t=${nowSeconds() - 900}`)],
    ["no v1", flux((time) => `t=${time}`)],
    ["an empty v1", flux((time) => `t=${time},v1=`)],
    ["the scheme v0 alone", flux((time, hex) => `t=${time},v0=${hex}`)],
    ["a truncated signature", flux((time, hex) => `t=${time},v1=${hex.slice(0, -1)}`)],
    ["one digit of the signature changed", flux((time, hex) => `t=${time},v1=${lastChanged(hex)}`)],
    ["the signature in upper case", flux((time, hex) => `t=${time},v1=${hex.toUpperCase()}`)],
    ["base64 of the hex signature", flux((time, hex) => `t=${time},v1=${btoa(hex)}`)],
    ["the header twice", header(FLUX, (value) => `${value}, ${value}`)],
    [
      "a signature without its time",
      flux((time, _hex, { genuine, secret }) => {
        return `t=${time},v1=${hexHmac(secret, genuine.body)}`;
      }),
    ],
    [
      "another secret's signature",
      flux((time, _hex, { genuine }) => {
        return fluxAt(time, { genuine, secret: OTHER_SECRET });
      }),
    ],
    ["the other webhook's signature", header(FLUX, (_, c) => c.otherWebhook.headers[FLUX] ?? "")],
    ["the next delivery's signature", header(FLUX, (_, c) => c.next.headers[FLUX] ?? "")],
  ],
  standard: [
    ...BODIES,
    ["no id", header("webhook-id", () => null)],
    ["another id", header("webhook-id", (id) => `${id}0`)],
    ["the next delivery's id", header("webhook-id", (_, c) => c.next.headers["webhook-id"] ?? "")],
    ["the id twice", header("webhook-id", (id) => `${id}, ${id}`)],
    ["no timestamp", header("webhook-timestamp", () => null)],
    ["a timestamp that is a word", header("webhook-timestamp", () => "hello")],
    ["another timestamp", header("webhook-timestamp", (value) => String(Number(value) + 1))],
    [
      "the signature of a minute ago",
      (request, captured) => {
        standardAt(() => nowSeconds() - 60)(request, captured);
        request.headers["webhook-timestamp"] = String(nowSeconds());
      },
    ],
    ["an old request, replayed", standardAt(() => nowSeconds() - 301)],
    ["a request of the future", standardAt(() => nowSeconds() + 330)],
    ["no signature", header(STANDARD, () => null)],
    ["an empty signature", header(STANDARD, () => "")],
    ["an empty v1", base64(() => "v1,")],
    ["the version v2 alone", base64((text) => `v2,${text}`)],
    ["no version", base64((text) => text)],
    ["a truncated signature", base64((text) => `v1,${text.slice(0, -2)}`)],
    ["the signature in upper case", base64((text) => `v1,${text.toUpperCase()}`)],
    ["base64 of the base64 signature", base64((text) => `v1,${btoa(text)}`)],
    ["the signature in hex", base64((text) => `v1,${Buffer.from(text, "base64").toString("hex")}`)],
    [
      "the other webhook's signature",
      header(STANDARD, (_, c) => c.otherWebhook.headers[STANDARD] ?? ""),
    ],
    ["the next delivery's signature", header(STANDARD, (_, c) => c.next.headers[STANDARD] ?? "")],
    [
      "another secret's signature",
      standardBy(({ genuine }, prefix) =>
        hmac(keyOf(OTHER_SECRET), prefix, genuine.body).toString("base64"),
      ),
    ],
    [
      "a signature by the secret's text",
      standardBy(({ genuine, secret }, prefix) =>
        hmac(secret, prefix, genuine.body).toString("base64"),
      ),
    ],
    [
      "a signature of the body alone",
      standardBy(({ genuine, secret }) => hmac(keyOf(secret), genuine.body).toString("base64")),
    ],
  ],
} satisfies Partial<Record<DialectName, Tampering[]>>;

/** For a dialect that has no list above: made from what it says of its own signature. */
function ofOwnSignature(own: OwnSignature): Tampering[] {
  const name = own.header.toLowerCase();
  const rewritten = (change: (hex: string, captured: Captured, seconds: number) => string) =>
    header(name, (value, captured) => {
      const { signatures, unixSeconds } = own.read(value);
      const seconds = unixSeconds ?? 0;
      return own.write([change(signatures[0] ?? "", captured, seconds)], seconds);
    });
  const signedAt = (secondsOf: () => number) =>
    header(name, (_value, { genuine, secret }) => {
      const seconds = secondsOf();
      return own.write([hexHmac(secret, own.prefix(seconds), genuine.body)], seconds);
    });
  const timed: Tampering[] = [
    ["an old request, replayed", signedAt(() => nowSeconds() - 301)],
    ["a request of the future", signedAt(() => nowSeconds() + 330)],
  ];
  return [
    ...BODIES,
    ["no signature", header(name, () => null)],
    ["an empty signature", header(name, () => "")],
    ["a truncated signature", rewritten((hex) => hex.slice(0, -1))],
    ["half a signature", rewritten((hex) => hex.slice(0, 32))],
    ["a lengthened signature", rewritten((hex) => `${hex}0`)],
    ["one digit of the signature changed", rewritten(lastChanged)],
    ["the signature in upper case", rewritten((hex) => hex.toUpperCase())],
    ["base64 of the hex signature", rewritten((hex) => btoa(hex))],
    ["the other webhook's signature", header(name, (_, c) => c.otherWebhook.headers[name] ?? "")],
    ["the next delivery's signature", header(name, (_, c) => c.next.headers[name] ?? "")],
    [
      "another secret's signature",
      rewritten((_hex, { genuine }, s) => hexHmac(OTHER_SECRET, own.prefix(s), genuine.body)),
    ],
    [
      "a signature by the decoded secret",
      rewritten((_hex, c, s) => hexHmac(keyOf(c.secret), own.prefix(s), c.genuine.body)),
    ],
    ...(own.read("").unixSeconds === null ? [] : timed),
  ];
}

export function tamperingsOf(name: DialectName): Tampering[] {
  const listed: Partial<Record<DialectName, Tampering[]>> = TAMPERINGS;
  const { ownSignature } = dialectOf(name);
  return (
    listed[name] ?? (ownSignature === null ? TAMPERINGS.standard : ofOwnSignature(ownSignature))
  );
}

/** Signed anew the way the tamperings above do it: refused for their time, not for their form. */
export const SIGNED_NOW: Partial<Record<DialectName, Tamper>> = {
  flux: flux((_time, _hex, captured) => fluxAt(nowSeconds(), captured)),
  standard: standardAt(nowSeconds),
};
