import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { attemptUuid } from "../../src/valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../../src/valkey/queue/item.ts";
import type { WebhookRecord } from "../../src/wire/webhook.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";
import {
  apiScene,
  asOwner,
  closeScenes,
  faultyFields,
  type Answer,
  type ApiScene,
} from "./api-scene.ts";
import { headerFor, park, PARKED_AT_MS, ready } from "./deliveries-of-scene.ts";

afterAll(closeScenes);

const DELIVERY = "0123456789ab4def8123456789ab";
const DAY_MS = 86_400_000;

let api: ApiScene;
/** The same data, seen with a scoped token of the user u_1. */
let own: ApiScene;
let webhook: WebhookRecord;
let twin: WebhookRecord;
let ofOrg: WebhookRecord;
let ofOther: WebhookRecord;
beforeEach(async () => {
  api = await apiScene();
  own = await apiScene({ prefix: api.prefix, identify: asOwner("user:u_1") });
  webhook = await registered();
  twin = await registered();
  ofOrg = await registered({ org_id: "o_1" });
  ofOther = await registered({ user_id: "u_2" });
});

async function registered(fields: Partial<WebhookRecord> = {}): Promise<WebhookRecord> {
  const record = webhookRecord(fields);
  await api.stores.webhooks.create(record);
  return record;
}

/** Parks one delivery of each webhook, and each for another reason or event type; `webhook` first. */
async function parkFour(): Promise<void> {
  const kinds: [WebhookRecord, Partial<DeliveryHeader>][] = [
    [webhook, {}],
    [twin, { reason: "timeout", event: "file.deleted" }],
    [ofOrg, { reason: "timeout" }],
    [ofOther, { event: undefined }],
  ];
  await park(api, ...kinds.map(([record, kind], n) => headerFor(record, { id: `e${n}`, ...kind })));
}

const list = (query = "", scene = api) => scene.call("GET", `/v1/parked${query}`);
const redeliver = (input: unknown, scene = api) =>
  scene.call("POST", "/v1/parked/redeliver", input);
const summary = (query = "", scene = api) => scene.call("GET", `/v1/parked/summary${query}`);

const idsIn = ({ body }: Answer) => (body["parked"] as { id: string }[]).map(({ id }) => id);
const readyIds = async () => (await ready(api)).map(({ id }) => id);

describe("GET /v1/parked", () => {
  test("says of each delivery what it was, why it is parked, and until when it is kept", async () => {
    const one = headerFor(webhook, { attempt: 5, id: "evt_1" });
    const unreadable = headerFor(ofOrg, {
      id: "evt_1",
      event: undefined,
      status_code: undefined,
      reason: "unreadable",
    });
    await park(api, one, unreadable);
    const { status, body } = await list();
    expect(status).toBe(200);
    const common = { id: "evt_1", size: expect.any(Number) };
    expect(body).toEqual({
      parked: [
        {
          ...common,
          delivery_id: attemptUuid(unreadable),
          webhook_id: ofOrg.id,
          org_id: "o_1",
          event: null,
          reason: "unreadable",
          status_code: null,
          attempt: 1,
          parked_at: new Date(PARKED_AT_MS + 1_000).toISOString(),
          expires_at: new Date(PARKED_AT_MS + 1_000 + 7 * DAY_MS).toISOString(),
        },
        {
          ...common,
          delivery_id: attemptUuid(one),
          webhook_id: webhook.id,
          user_id: "u_1",
          event: "file.created",
          reason: "http-500",
          status_code: 500,
          attempt: 5,
          parked_at: "2026-01-02T03:04:05.678Z",
          expires_at: "2026-01-09T03:04:05.678Z",
        },
      ],
      next_cursor: null,
    });
  });

  test("lists everybody's with the API token, and what matches all filters that are given", async () => {
    await parkFour();
    const filters: [query: string, ids: string[]][] = [
      ["", ["e3", "e2", "e1", "e0"]],
      ["?user_id=u_1", ["e1", "e0"]],
      ["?user_id=u_1&org_id=o_1", ["e2", "e1", "e0"]],
      [`?user_id=u_1&org_id=o_1&webhook_id=${twin.id}`, ["e1"]],
      [`?user_id=u_2&webhook_id=${twin.id}`, []],
      ["?reason=timeout", ["e2", "e1"]],
      ["?reason=timeout&event=file.created", ["e2"]],
      ["?limit=3", ["e3", "e2", "e1"]],
    ];
    for (const [query, ids] of filters)
      expect([query, idsIn(await list(query))]).toEqual([query, ids]);
  });

  test("refuses a reason, an event type and a webhook of the wrong form with 422", async () => {
    for (const query of ["?reason=a%20b", "?reason=", "?reason=A", "?event=a%0Ab", "?event="]) {
      const field = query.slice(1, query.indexOf("="));
      expect(faultyFields(await list(query))).toEqual([field]);
    }
    expect(faultyFields(await list("?webhook_id="))).toEqual(["webhook_id"]);
  });

  test("continues after the end of the page before", async () => {
    await parkFour();
    const seen: string[] = [];
    for (let cursor = ""; ;) {
      const page = await list(`?limit=1${cursor}`);
      seen.push(...idsIn(page));
      const next = page.body["next_cursor"] as string | null;
      if (next === null) break;
      cursor = `&cursor=${next}`;
    }
    expect(seen).toEqual(["e3", "e2", "e1", "e0"]);
  });

  test("refuses a cursor that no page gave, and owners and limits of the wrong form", async () => {
    const cursors = ["", "abc", btoa("1 x"), btoa(`+inf ${DELIVERY}`), btoa(`1 ${DELIVERY} `)];
    for (const cursor of cursors) {
      expect(faultyFields(await list(`?cursor=${encodeURIComponent(cursor)}`))).toEqual(["cursor"]);
    }
    expect(faultyFields(await list("?limit=101&user_id=a%20b"))).toEqual(["user_id", "limit"]);
  });

  test("lists only its own owner's with a scoped token", async () => {
    await parkFour();
    expect(idsIn(await list("", own))).toEqual(["e1", "e0"]);
    expect(idsIn(await list("?user_id=u_1", own))).toEqual(["e1", "e0"]);
    expect(idsIn(await list(`?webhook_id=${ofOther.id}`, own))).toEqual([]);
    for (const query of ["?user_id=u_2", "?org_id=u_1", "?user_id=u_1&org_id=o_1"]) {
      expect((await list(query, own)).status).toBe(404);
    }
  });
});

describe("POST /v1/parked/redeliver", () => {
  test("redelivers the oldest up to the limit, and answers how many remain", async () => {
    await parkFour();
    const answer = await redeliver({ user_id: "u_1", org_id: "o_1", limit: 2 });
    expect([answer.status, answer.body]).toEqual([200, { redelivered: 2, remaining: 1 }]);
    expect(await readyIds()).toEqual(["e0", "e1"]);
    expect((await redeliver({ org_id: "o_1" })).body).toEqual({ redelivered: 1, remaining: 0 });
    expect(await readyIds()).toEqual(["e0", "e1", "e2"]);
  });

  test("redelivers only what matches the reason and the event type", async () => {
    await parkFour();
    const answer = await redeliver({ user_id: "u_1", reason: "timeout", event: "file.deleted" });
    expect(answer.body).toEqual({ redelivered: 1, remaining: 0 });
    expect(await readyIds()).toEqual(["e1"]);
  });

  test("redelivers only what was parked before a time, and counts only that", async () => {
    await parkFour();
    const before = new Date(PARKED_AT_MS + 1_000).toISOString();
    const both = { user_id: "u_1", org_id: "o_1" };
    for (const [filter, remaining] of [
      [{ ...both, before }, 1],
      [{ ...both, before, reason: "http-500" }, 1],
      [{ ...both, before, reason: "timeout" }, 0],
      [{ ...both, before: "2126-01-01T00:00:00+02:00" }, 3],
      [{ ...both, before: "2016-12-31t23:59:60z" }, 0],
    ] as const) {
      expect((await redeliver({ ...filter, dry_run: true })).body).toMatchObject({ remaining });
    }
    expect((await redeliver({ ...both, before })).body).toEqual({ redelivered: 1, remaining: 0 });
    expect(await readyIds()).toEqual(["e0"]);
  });

  test.each<[string, unknown, string[]]>([
    ["no filter", {}, ["user_id"]],
    ["a time without an offset", { user_id: "u_1", before: "2026-01-01T00:00:00" }, ["before"]],
    ["a day that does not exist", { user_id: "u_1", before: "2026-02-30T00:00:00Z" }, ["before"]],
    ["a limit alone", { limit: 5 }, ["user_id"]],
    ["a limit of 0", { user_id: "u_1", limit: 0 }, ["limit"]],
    ["more than a thousand", { user_id: "u_1", limit: 1_001 }, ["limit"]],
    ["an ill-formed owner", { user_id: "a b" }, ["user_id"]],
    ["an unknown field", { user_id: "u_1", all: true }, ["all"]],
    ["an array", [], [""]],
  ])("refuses %s with 422 and redelivers nothing", async (_, input, fields) => {
    await parkFour();
    const answer = await redeliver(input);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(fields);
    expect(await readyIds()).toEqual([]);
  });

  test("redelivers those of one webhook, which must exist and be enabled", async () => {
    await parkFour();
    await api.change(ofOther.id, { enabled: false });
    const one = await redeliver({ webhook_id: webhook.id });
    expect([one.status, one.body]).toEqual([200, { redelivered: 1, remaining: 0 }]);
    expect((await redeliver({ webhook_id: "wh_none" })).status).toBe(404);
    const refused = await redeliver({ webhook_id: ofOther.id });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      type: "urn:fluxhook:problem:webhook-disabled",
      webhook_id: ofOther.id,
    });
    expect(await readyIds()).toEqual(["e0"]);
  });

  test("redelivers only its own owner's with a scoped token, without a filter too", async () => {
    await parkFour();
    for (const input of [{ user_id: "u_2" }, { org_id: "u_1" }, { webhook_id: ofOther.id }]) {
      expect((await redeliver(input, own)).status).toBe(404);
    }
    expect(await readyIds()).toEqual([]);
    const byWebhook = await redeliver({ webhook_id: twin.id }, own);
    expect(byWebhook.body).toEqual({ redelivered: 1, remaining: 0 });
    expect((await redeliver({}, own)).body).toEqual({ redelivered: 1, remaining: 0 });
    expect(await readyIds()).toEqual(["e1", "e0"]);
  });

  test("changes nothing in a dry run, and answers how many it would redeliver", async () => {
    await parkFour();
    const answer = await redeliver({ user_id: "u_1", reason: "timeout", dry_run: true });
    expect([answer.status, answer.body]).toEqual([200, { redelivered: 0, remaining: 1 }]);
    expect(await readyIds()).toEqual([]);
    expect(idsIn(await list())).toHaveLength(4);
  });
});

describe("GET /v1/parked/summary", () => {
  test("counts by reason, event type and webhook, the most frequent first", async () => {
    await parkFour();
    await park(api, headerFor(webhook));
    const { status, body } = await summary();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      total: 5,
      by_reason: [
        { reason: "http-500", count: 3 },
        { reason: "timeout", count: 2 },
      ],
    });
    const events = body["by_event"] as { event: string | null; count: number }[];
    expect(events[0]).toEqual({ event: "file.created", count: 3 });
    expect(events).toContainEqual({ event: null, count: 1 });
    const webhooks = body["by_webhook"] as { webhook_id: string; count: number }[];
    expect(webhooks[0]).toEqual({ webhook_id: webhook.id, count: 2 });
    expect(webhooks).toHaveLength(4);
  });

  test("counts what can be redelivered: not what belongs to disabled or deleted webhooks", async () => {
    await parkFour();
    expect((await summary()).body).toMatchObject({ total: 4, redeliverable: 4 });
    await api.change(twin.id, { enabled: false });
    await api.stores.webhooks.delete(ofOther.id);
    expect((await summary()).body).toMatchObject({ total: 4, redeliverable: 2 });
    expect((await summary("?user_id=u_1")).body).toMatchObject({ total: 2, redeliverable: 1 });
    expect((await summary("", own)).body).toMatchObject({ total: 2, redeliverable: 1 });
  });

  test("does not count what can be redelivered if more than 200 webhooks have parked deliveries", async () => {
    const many: WebhookRecord[] = [];
    for (let n = 0; n < 201; n += 1) many.push(await registered({ user_id: `u_${n + 10}` }));
    await park(api, ...many.map((one) => headerFor(one)));
    expect((await summary()).body).toMatchObject({ total: 201, redeliverable: null });
  });

  test("counts only those of the owners that are named", async () => {
    await parkFour();
    expect((await summary("?user_id=u_1&org_id=o_1")).body).toMatchObject({ total: 3 });
  });

  test("counts only its own owner's with a scoped token", async () => {
    await parkFour();
    expect((await summary("", own)).body).toMatchObject({ total: 2 });
    expect((await summary("?user_id=u_2", own)).status).toBe(404);
    expect((await summary("?user_id=u_1&org_id=o_1", own)).status).toBe(404);
  });
});
