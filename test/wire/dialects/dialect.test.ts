// The interface must hold dialects that differ more than the default one: these two stand for them.
import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import type { Dialect } from "../../../src/wire/dialects/dialect.ts";
import { fluxdrop } from "../../../src/wire/dialects/fluxdrop.ts";
import { Signer, signRequest } from "../../../src/wire/signature.ts";
import { verifyRequest } from "../../../src/wire/verify.ts";

/** As `flux` of DESIGN §2.3: an id of its own form, the time inside its header and what is signed. */
const timed: Dialect = {
  ...fluxdrop,
  name: "timed",
  messageId: (eventId) => `evt_${eventId}`,
  headers: () => ({}),
  ownSignature: {
    header: "Timed-Signature",
    prefix: (unixSeconds) => `${unixSeconds}.`,
    write: (signatures, unixSeconds) =>
      [`t=${unixSeconds}`, ...signatures.map((signature) => `v1=${signature}`)].join(","),
    read(value) {
      const parts = value.split(",").map((part) => part.split("="));
      const time = parts.find(([name]) => name === "t")?.[1];
      return {
        signatures: parts.filter(([name]) => name === "v1").map(([, signature = ""]) => signature),
        unixSeconds: time === undefined ? null : Number(time),
      };
    },
  },
};

/** As `standard` of DESIGN §2.3. */
const bare: Dialect = { ...fluxdrop, name: "bare", headers: () => ({}), ownSignature: null };

const SECRETS = ["a new secret of ours", "the old one of ours"];
const BODY = '{"type":"file.created"}';
const NOW_SECONDS = Math.floor(Date.now() / 1000);

async function signed(dialect: Dialect): Promise<Record<string, string>> {
  return signRequest({
    dialect,
    secrets: SECRETS.map((secret) => new Signer(secret)),
    eventId: "1",
    eventType: "file.created",
    deliveryId: "d",
    unixSeconds: NOW_SECONDS,
    body: BODY,
    bodyBytes: new TextEncoder().encode(BODY),
  });
}

describe("a dialect that signs the time too", () => {
  test("writes both signatures of a rotation, and its id is webhook-id", async () => {
    const headers = await signed(timed);
    const [newest, oldest] = SECRETS.map((secret) =>
      createHmac("sha256", secret).update(`${NOW_SECONDS}.${BODY}`).digest("hex"),
    );
    expect(headers["Timed-Signature"]).toBe(`t=${NOW_SECONDS},v1=${newest},v1=${oldest}`);
    expect(headers["webhook-id"]).toBe("evt_1");
    new StandardWebhook(SECRETS[1] ?? "", { format: "raw" }).verify(BODY, headers);
  });

  test("is verified with the new and with the old secret, within the time only", async () => {
    const headers = new Headers(await signed(timed));
    for (const secret of SECRETS) {
      const request = { dialect: timed, secret, headers, body: BODY };
      expect(await verifyRequest({ ...request, nowSeconds: NOW_SECONDS + 300 })).toEqual({
        ok: true,
      });
      expect(await verifyRequest({ ...request, nowSeconds: NOW_SECONDS + 301 })).toEqual({
        ok: false,
        failure: "too-old",
        header: "timed-signature",
      });
    }
  });
});

test("a dialect without a signature of its own sends and verifies the standard one alone", async () => {
  const headers = await signed(bare);
  expect(Object.keys(headers).filter((name) => /signature/i.test(name))).toEqual([
    "webhook-signature",
  ]);
  const [secret = ""] = SECRETS;
  const request = { dialect: bare, secret, headers: new Headers(headers), body: BODY };
  expect(await verifyRequest({ ...request, nowSeconds: NOW_SECONDS })).toEqual({ ok: true });
});
