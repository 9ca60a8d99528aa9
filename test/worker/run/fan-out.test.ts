import { describe, expect, test } from "bun:test";
import { ownerTag } from "../../../src/valkey/queue/delivery-id.ts";
import type { Claimed } from "../../../src/valkey/queue/claimed.ts";
import type { OwnerRef } from "../../../src/wire/owner.ts";
import { fanOut } from "../../../src/worker/run/fan-out.ts";
import type { WebhookSource } from "../../../src/worker/webhooks/directory.ts";
import {
  prepareWebhook,
  type PreparedWebhook,
} from "../../../src/worker/webhooks/prepared-webhook.ts";
import { webhookRecord } from "../../valkey/webhooks/webhook-records.ts";
import { deliveryHeader } from "../../valkey/queue/test-queue.ts";

const LIMITS = { maxEventBytes: 1_000, eventTypes: "open" } as const;
const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

function claimed(element: string | Buffer): Claimed {
  return {
    worker: "w",
    number: "7",
    crashes: 0,
    header: { claim: "w-7", at: AT_MS },
    source: "list",
    shared: false,
    bytes: Buffer.from(element),
  };
}

const element = (fields: object = {}) =>
  JSON.stringify({ user_id: "u_1", event: "file.created", data: {}, ...fields });

/** Some owners' webhooks are at hand, those of the others have to be read. */
function directory(
  atHand: Partial<Record<OwnerRef, readonly PreparedWebhook[]>>,
  elsewhere: typeof atHand = {},
): WebhookSource {
  return {
    peek: (owner) => atHand[owner] ?? null,
    get: (owner) => Promise.resolve(elsewhere[owner] ?? []),
  };
}

const all = prepareWebhook(webhookRecord());
const files = prepareWebhook(webhookRecord({ events: ["file.*"] }));
const shares = prepareWebhook(webhookRecord({ events: ["share.linked"] }));
const ofOrg = prepareWebhook(webhookRecord({ org_id: "o_1" }));

test("the claim of an event for one webhook becomes the delivery, with its data unchanged", async () => {
  const text =
    '{"user_id":"u_1","event":"share.linked","data":{ "n":1.0,"n2":12345678901234567890 }}';
  const result = await fanOut(claimed(text), LIMITS, directory({ "user:u_1": [files, shares] }));
  expect(result).toMatchObject({
    kind: "one",
    webhook: shares,
    event: { type: "share.linked", data: '{ "n":1.0,"n2":12345678901234567890 }' },
    header: { webhook_id: shares.record.id, owner: "user:u_1", attempt: 1, runs: 0 },
  });
});

test("an event for several webhooks becomes that many deliveries, each with a name of its own", async () => {
  const result = await fanOut(claimed(element()), LIMITS, directory({ "user:u_1": [all, files] }));
  if (result.kind !== "many") throw new Error(`it became ${result.kind}`);
  expect(result.event).toBe("w-7");
  expect(result.headers.map((one) => one.webhook_id)).toEqual([all.record.id, files.record.id]);
  expect(new Set(result.headers.map((one) => one.delivery)).size).toBe(2);
  for (const { delivery } of result.headers) expect(delivery).toStartWith(ownerTag("user:u_1"));
});

test("an event goes to the user's and the organisation's webhooks, cached or not", async () => {
  const result = await fanOut(
    claimed(element({ org_id: "o_1" })),
    LIMITS,
    directory({ "user:u_1": [all] }, { "org:o_1": [ofOrg] }),
  );
  if (result.kind !== "many") throw new Error(`it became ${result.kind}`);
  expect(result.headers.map((one) => one.owner)).toEqual(["user:u_1", "org:o_1"]);
});

test.each([
  ["no webhook is registered", directory({})],
  ["no webhook matches", directory({ "user:u_1": [shares] })],
  [
    "only another owner's webhook would match",
    directory({ "user:u_2": [all], "org:o_1": [ofOrg] }),
  ],
])("an event is for nobody if %s", async (_, webhooks) => {
  expect(await fanOut(claimed(element()), LIMITS, webhooks)).toEqual({ kind: "nobody" });
});

describe("an event's id and timestamp", () => {
  const oneOf = async (fields: object) => {
    const webhooks = directory({ "user:u_1": [all] });
    const result = await fanOut(claimed(element(fields)), LIMITS, webhooks);
    if (result.kind !== "one") throw new Error(`it became ${result.kind}`);
    return result.header;
  };

  test("are its own if it has them", async () => {
    const given = { id: "my-id", timestamp: "2020-01-02T03:04:05+02:00" };
    expect(await oneOf(given)).toMatchObject(given);
  });

  test("come from the claim if it has none, so that a second run has the same", async () => {
    const expected = { id: "evt_w-7", timestamp: "2026-01-02T03:04:05.678Z" };
    const [first, second] = [await oneOf({}), await oneOf({})];
    expect(first).toMatchObject(expected);
    expect(second).toMatchObject(expected);
    expect(first.delivery).not.toBe(second.delivery);
  });
});

test.each([
  ["no JSON", "{", "not-json"],
  ["nothing", "", "empty"],
  ["too large", element({ data: { x: "x".repeat(1_000) } }), "too-large"],
  ["no UTF-8", Buffer.from([0xff]), "not-utf8"],
] as const)("%s is rejected before anybody is looked up", async (_, bytes, reason) => {
  const nobodyAsks: WebhookSource = {
    peek: () => {
      throw new Error("asked");
    },
    get: () => Promise.reject(new Error("asked")),
  };
  const result = await fanOut(claimed(bytes), LIMITS, nobodyAsks);
  expect(result).toMatchObject({ kind: "rejected", rejection: { reason } });
});

test("a delivery is never fanned out again", () => {
  const claim = { ...claimed(element()), header: deliveryHeader("d1") };
  expect(() => fanOut(claim, LIMITS, directory({}))).toThrow("fanned out already");
});
