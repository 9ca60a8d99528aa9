import { describe, expect, test } from "bun:test";
import { flux } from "../../../src/wire/dialects/flux.ts";
import { Signer, signRequest } from "../../../src/wire/signature.ts";
import { verifyOwn, verifyRequest, type VerificationFailure } from "../../../src/wire/verify.ts";

const SECRET = "a secret of ours";
const NOW_SECONDS = 1_769_860_800;

function bodyFor(id: string, timestamp = "2026-01-31T12:00:00Z"): string {
  return flux.envelope({ id, type: "file.created", timestamp, data: '{"n": 1.0}' });
}

async function signed(body: string, eventId = "id_1"): Promise<Headers> {
  const headers = await signRequest({
    dialect: flux,
    secrets: [new Signer(SECRET)],
    eventId,
    eventType: "file.created",
    deliveryId: "d",
    unixSeconds: NOW_SECONDS,
    body,
    bodyBytes: new TextEncoder().encode(body),
  });
  return new Headers(headers);
}

describe("the flux envelope", () => {
  test("has its four members in order, with data unchanged", () => {
    expect(bodyFor("id_1")).toBe(
      '{"id":"evt_id_1","type":"file.created","created":1769860800,"data":{"n": 1.0}}',
    );
  });

  test.each([
    ["file-7", "evt_file-7"],
    ["evt_7", "evt_7"],
    ["evt7", "evt_evt7"],
    ["EVT_7", "evt_EVT_7"],
    ["a".repeat(128), `evt_${"a".repeat(128)}`],
  ])("has for the event %s the id %s, and webhook-id is the same", async (eventId, id) => {
    const body = bodyFor(eventId);
    expect((JSON.parse(body) as { id: string }).id).toBe(id);
    expect((await signed(body, eventId)).get("webhook-id")).toBe(id);
  });

  test.each<[timestamp: string, created: number]>([
    ["2026-01-31T12:00:00Z", 1_769_860_800],
    ["2026-01-31t12:00:00z", 1_769_860_800],
    ["2026-01-31T13:30:00+01:30", 1_769_860_800],
    ["2026-01-31T12:00:00-00:00", 1_769_860_800],
    ["2026-01-31T12:00:00.999999999999Z", 1_769_860_800],
    ["1970-01-01T00:00:00Z", 0],
    ["1969-12-31T23:59:59.5Z", -1],
    ["2016-12-31T23:59:59Z", 1_483_228_799],
    ["2016-12-31T23:59:60Z", 1_483_228_800],
    ["2017-01-01T00:59:60.75+01:00", 1_483_228_800],
    ["2017-01-01T00:00:00Z", 1_483_228_800],
    ["9999-12-31T23:59:59Z", 253_402_300_799],
  ])("was created, for the timestamp %s, at %i", (timestamp, created) => {
    expect((JSON.parse(bodyFor("id_1", timestamp)) as { created: number }).created).toBe(created);
  });
});

describe("the Flux-Signature header", () => {
  const own = flux.ownSignature ?? never();

  test("is parsed as it was written", () => {
    for (const signatures of [["aa"], ["aa", "bb"]]) {
      const value = own.write(signatures, NOW_SECONDS);
      expect(own.read(value)).toEqual({ signatures, unixSeconds: NOW_SECONDS });
    }
  });

  test("is parsed in any order, with spaces and other schemes", () => {
    expect(own.read("v0=cc, v1=aa ,t=7,v1=bb,what")).toEqual({
      signatures: ["aa", "bb"],
      unixSeconds: 7,
    });
  });

  test.each([
    ["no time", "v1=aa"],
    ["an empty time", "t=,v1=aa"],
    ["two times", "t=7,t=7,v1=aa"],
    ["a leading zero", "t=07,v1=aa"],
    ["a sign", "t=+7,v1=aa"],
    ["an exponent", "t=7e0,v1=aa"],
    ["a word", "t=now,v1=aa"],
    ["a space inside", "t= 7,v1=aa"],
  ])("has no time with %s", (_claim, value) => {
    expect(own.read(value).unixSeconds).toBeNaN();
  });
});

describe("verifyRequest for flux", () => {
  const body = bodyFor("id_1");

  async function verify(change: (value: string) => string, nowSeconds = NOW_SECONDS) {
    const headers = await signed(body);
    headers.set("flux-signature", change(headers.get("flux-signature") ?? ""));
    const request = { secret: SECRET, headers, body, nowSeconds };
    const own = await verifyOwn({ ...request, ownSignature: flux.ownSignature ?? never() });
    // The standard signature is right in all of these: it decides nothing.
    expect(await verifyRequest({ ...request, dialect: flux })).toEqual(own);
    return own;
  }

  test.each([-300, 0, 300])("accepts a request that is %i s old", async (ageSeconds) => {
    expect(await verify((value) => value, NOW_SECONDS + ageSeconds)).toEqual({ ok: true });
  });

  test.each<[claim: string, change: (value: string) => string, failure: VerificationFailure]>([
    ["an empty header", () => "", "missing-header"],
    ["no time", (value) => value.replace(/t=\d+,/, ""), "bad-timestamp"],
    ["two times", (value) => `t=${NOW_SECONDS},${value}`, "bad-timestamp"],
    ["the header twice", (value) => `${value}, ${value}`, "bad-timestamp"],
    ["a negative time", (value) => value.replace("t=", "t=-"), "bad-timestamp"],
    ["a time without end", (value) => value.replace(/t=\d+/, "t=Infinity"), "bad-timestamp"],
    [
      "another time",
      (value) => value.replace("t=1769860800", "t=1769860801"),
      "no-matching-signature",
    ],
    ["no v1", (value) => value.replace(/,v1=.*/, ""), "no-matching-signature"],
    ["v0 in place of v1", (value) => value.replace("v1=", "v0="), "no-matching-signature"],
    ["a truncated v1", (value) => value.slice(0, -1), "no-matching-signature"],
  ])("rejects %s", async (_claim, change, failure) => {
    expect(await verify(change)).toEqual({ ok: false, failure, header: "flux-signature" });
  });

  test.each<[ageSeconds: number, failure: VerificationFailure]>([
    [301, "too-old"],
    [-301, "too-new"],
  ])("rejects a request that is %i s old", async (ageSeconds, failure) => {
    expect(await verify((value) => value, NOW_SECONDS + ageSeconds)).toEqual({
      ok: false,
      failure,
      header: "flux-signature",
    });
  });
});

function never(): never {
  throw new Error("flux has a signature of its own");
}
