import { describe, expect, test } from "bun:test";
import { createApi } from "../../src/api/app.ts";
import type { Identify } from "../../src/api/auth/authenticate.ts";
import type { ApiStores } from "../../src/api/deps.ts";
import { attemptUuid } from "../../src/valkey/queue/delivery-id.ts";
import type { DeliveryHeader } from "../../src/valkey/queue/item.ts";
import type { ParkedFilter, ParkedPage, ParkedPosition } from "../../src/control/redelivery.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";
import { faultyFields, memoryApi, readAnswer, TOKEN } from "./memory-api.ts";

const DELIVERY = "0123456789ab4def8123456789ab";
const PARKED_AT_MS = Date.parse("2026-01-02T03:04:05.678Z");
const DAY_MS = 86_400_000;

const header: DeliveryHeader = {
  delivery: DELIVERY,
  webhook_id: "wh_1",
  owner: "user:u_1",
  id: "evt_1",
  timestamp: "2026-01-02T03:04:05Z",
  attempt: 5,
  runs: 0,
  reason: "http-500",
  status_code: 500,
  event: "file.created",
};

/** An API that notes what it asks of the redelivery, whose answers are always the same. */
function parkedApi({ page = { parked: [], next: null }, identify }: Options = {}) {
  const listed: [ParkedFilter, ParkedPosition | null, number][] = [];
  const redelivered: [ParkedFilter, number][] = [];
  const summarized: ParkedFilter["owners"][] = [];
  const { deps, records } = memoryApi();
  const redelivery: ApiStores["redelivery"] = {
    one: async () => ({ kind: "unknown" }),
    async byFilter(...question) {
      redelivered.push(question);
      return { redelivered: 2, remaining: 3 };
    },
    dryRun: async () => ({ matching: 9, redeliverable: 7 }),
    async summary({ owners }) {
      summarized.push(owners);
      return {
        total: 5,
        byReason: [{ reason: "http-500", count: 5 }],
        byEvent: [
          { event: "file.created", count: 4 },
          { event: null, count: 1 },
        ],
        byWebhook: [{ webhookId: "wh_1", count: 5 }],
      };
    },
    async listParked(...question) {
      listed.push(question);
      return page;
    },
  };
  const app = createApi({ ...deps, stores: { ...deps.stores, redelivery } }, identify);
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  return {
    listed,
    redelivered,
    summarized,
    records,
    summary: async (query = "") =>
      readAnswer(await app.request(`/v1/parked/summary${query}`, { headers })),
    list: async (query = "") => readAnswer(await app.request(`/v1/parked${query}`, { headers })),
    redeliver: async (input: unknown) => {
      const body = JSON.stringify(input);
      return readAnswer(
        await app.request("/v1/parked/redeliver", { method: "POST", headers, body }),
      );
    },
  };
}

interface Options {
  page?: ParkedPage;
  identify?: Identify;
}

const asOwner: Identify = () => ({ kind: "owner", owner: "user:u_1" });

describe("GET /v1/parked", () => {
  test("tells of each what it was, why it is parked, and until when", async () => {
    const one = {
      deliveryId: attemptUuid(header),
      header,
      parkedAtMs: PARKED_AT_MS,
      expiresAtMs: PARKED_AT_MS + 7 * DAY_MS,
      size: 321,
    };
    const ofOrg: DeliveryHeader = { ...header, owner: "org:o:1", attempt: 1 };
    const unreadable = {
      ...one,
      header: { ...ofOrg, event: undefined, status_code: undefined, reason: "unreadable" },
    };
    const api = parkedApi({ page: { parked: [one, unreadable], next: null } });
    const { status, body } = await api.list();
    expect(status).toBe(200);
    const shown = {
      delivery_id: "01234567-89ab-4def-8123-456789ab0005",
      webhook_id: "wh_1",
      user_id: "u_1",
      id: "evt_1",
      event: "file.created",
      reason: "http-500",
      status_code: 500,
      attempt: 5,
      parked_at: "2026-01-02T03:04:05.678Z",
      expires_at: "2026-01-09T03:04:05.678Z",
      size: 321,
    };
    const { user_id: _, ...others } = shown;
    const unread = { org_id: "o:1", event: null, status_code: null, attempt: 1 };
    expect(body).toEqual({
      parked: [shown, { ...others, ...unread, reason: "unreadable" }],
      next_cursor: null,
    });
  });

  test("needs no filter with the API token, and narrows by all that are given", async () => {
    const api = parkedApi();
    await api.list();
    await api.list("?user_id=u_1&org_id=o_1&webhook_id=wh_1&limit=7");
    expect(api.listed).toEqual([
      [{ owners: null, webhookId: undefined }, null, 100],
      [{ owners: ["user:u_1", "org:o_1"], webhookId: "wh_1" }, null, 7],
    ]);
  });

  test("narrows by reason and event type, and refuses what can be neither", async () => {
    const api = parkedApi();
    await api.list("?reason=http-500&event=file.created");
    expect(api.listed[0]?.[0]).toEqual({ owners: null, reason: "http-500", event: "file.created" });
    for (const query of ["?reason=a%20b", "?reason=", "?reason=A", "?event=a%0Ab", "?event="]) {
      const field = query.slice(1, query.indexOf("="));
      expect(faultyFields(await api.list(query))).toEqual([field]);
    }
    expect(faultyFields(await api.list("?webhook_id="))).toEqual(["webhook_id"]);
  });

  test("goes on where the page before has ended", async () => {
    const next = { parkedAtMs: PARKED_AT_MS, delivery: DELIVERY };
    const api = parkedApi({ page: { parked: [], next } });
    const { body } = await api.list();
    expect((await api.list(`?cursor=${String(body["next_cursor"])}`)).status).toBe(200);
    expect(api.listed[1]?.[1]).toEqual(next);
  });

  test("refuses a cursor that no page gave, and ill-formed owners and limits", async () => {
    const api = parkedApi();
    const cursors = ["", "abc", btoa("1 x"), btoa(`+inf ${DELIVERY}`), btoa(`1 ${DELIVERY} `)];
    for (const cursor of cursors) {
      expect(faultyFields(await api.list(`?cursor=${encodeURIComponent(cursor)}`))).toEqual([
        "cursor",
      ]);
    }
    expect(faultyFields(await api.list("?limit=101&user_id=a%20b"))).toEqual(["user_id", "limit"]);
    expect(api.listed).toEqual([]);
  });

  test("shows an owner's principal its own only", async () => {
    const api = parkedApi({ identify: asOwner });
    for (const query of ["", "?user_id=u_1", "?webhook_id=wh_of_others"]) {
      expect((await api.list(query)).status).toBe(200);
    }
    expect(api.listed.map(([{ owners }]) => owners)).toEqual(
      Array.from({ length: 3 }, () => ["user:u_1"]),
    );
    for (const query of ["?user_id=u_2", "?org_id=u_1", "?user_id=u_1&org_id=o_1"]) {
      expect((await api.list(query)).status).toBe(404);
    }
    expect(api.listed).toHaveLength(3);
  });
});

describe("POST /v1/parked/redeliver", () => {
  test("answers how many were redelivered and how many remain", async () => {
    const api = parkedApi();
    const answer = await api.redeliver({ user_id: "u_1", org_id: "o_1", limit: 2 });
    expect([answer.status, answer.body]).toEqual([200, { redelivered: 2, remaining: 3 }]);
    await api.redeliver({ org_id: "o_1" });
    expect(api.redelivered).toEqual([
      [{ owners: ["user:u_1", "org:o_1"], webhookId: undefined }, 2],
      [{ owners: ["org:o_1"], webhookId: undefined }, 1_000],
    ]);
  });

  test.each<[string, unknown, string[]]>([
    ["no filter", {}, ["user_id"]],
    ["a limit alone", { limit: 5 }, ["user_id"]],
    ["a limit of none", { user_id: "u_1", limit: 0 }, ["limit"]],
    ["more than a thousand", { user_id: "u_1", limit: 1_001 }, ["limit"]],
    ["an ill-formed owner", { user_id: "a b" }, ["user_id"]],
    ["an unknown field", { user_id: "u_1", all: true }, ["all"]],
    ["no object", [], [""]],
  ])("refuses %s", async (_, input, fields) => {
    const api = parkedApi();
    const answer = await api.redeliver(input);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(fields);
    expect(api.redelivered).toEqual([]);
  });

  test("takes a webhook that is there and enabled", async () => {
    const api = parkedApi();
    const [on, off] = [webhookRecord(), webhookRecord({ enabled: false })];
    for (const record of [on, off]) api.records.set(record.id, record);
    expect((await api.redeliver({ webhook_id: on.id })).status).toBe(200);
    expect((await api.redeliver({ webhook_id: "wh_none" })).status).toBe(404);
    const refused = await api.redeliver({ webhook_id: off.id });
    expect(refused.status).toBe(409);
    expect(refused.body).toMatchObject({
      type: "urn:fluxhook:problem:webhook-disabled",
      webhook_id: off.id,
    });
    expect(api.redelivered).toEqual([[{ owners: null, webhookId: on.id }, 1_000]]);
  });

  test("means an owner's principal's own, with no filter too, and finds nothing of others", async () => {
    const api = parkedApi({ identify: asOwner });
    const [mine, others] = [webhookRecord(), webhookRecord({ org_id: "u_1", enabled: false })];
    for (const record of [mine, others]) api.records.set(record.id, record);
    for (const input of [{ user_id: "u_2" }, { org_id: "u_1" }, { webhook_id: others.id }]) {
      expect((await api.redeliver(input)).status).toBe(404);
    }
    expect(api.redelivered).toEqual([]);
    expect((await api.redeliver({ limit: 1 })).status).toBe(200);
    expect((await api.redeliver({ webhook_id: mine.id, limit: 1 })).status).toBe(200);
    expect(api.redelivered).toEqual([
      [{ owners: ["user:u_1"], webhookId: undefined }, 1],
      [{ owners: ["user:u_1"], webhookId: mine.id }, 1],
    ]);
  });

  test("as a dry run changes nothing and says how many it would redeliver", async () => {
    const api = parkedApi();
    const answer = await api.redeliver({ user_id: "u_1", reason: "timeout", dry_run: true });
    expect([answer.status, answer.body]).toEqual([200, { redelivered: 0, remaining: 7 }]);
    expect(api.redelivered).toEqual([]);
  });
});

describe("GET /v1/parked/summary", () => {
  test("counts by reason, event type and webhook", async () => {
    const api = parkedApi();
    const { status, body } = await api.summary("?user_id=u_1");
    expect(status).toBe(200);
    expect(body).toEqual({
      total: 5,
      by_reason: [{ reason: "http-500", count: 5 }],
      by_event: [
        { event: "file.created", count: 4 },
        { event: null, count: 1 },
      ],
      by_webhook: [{ webhook_id: "wh_1", count: 5 }],
    });
  });

  test("is of an owner's principal's own only", async () => {
    const api = parkedApi({ identify: asOwner });
    expect((await api.summary()).status).toBe(200);
    expect((await api.summary("?user_id=u_2")).status).toBe(404);
    expect((await api.summary("?user_id=u_1&org_id=o_1")).status).toBe(404);
    expect(api.summarized).toEqual([["user:u_1"]]);
  });
});
