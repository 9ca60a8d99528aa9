import { afterAll, describe, expect, test } from "bun:test";
import type { WorkerInfo } from "../../src/wire/worker-info.ts";
import { eventually } from "../support/eventually.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";
import {
  apiScene,
  asOwner,
  closeScenes,
  sceneWithoutValkey,
  TOKEN,
  type ApiScene,
} from "./api-scene.ts";

afterAll(closeScenes);

const INFO: WorkerInfo = {
  process: "p1",
  host: "web-1",
  version: "9.9.9",
  started_at: "2026-01-01T00:00:00.000Z",
  slots: 1_024,
  used: 37,
  held: 40,
  oldest_ms: 4_500,
};

const beat = (api: ApiScene, worker: string, info?: WorkerInfo) =>
  api.stores.intake.beat(worker, { join: true, leaseMs: 60_000, info });

test("GET /v1/series is compressed for who accepts gzip, and only then", async () => {
  const api = await apiScene();
  const ask = (accepted: string) =>
    api.raw("/v1/series?range=1h", {
      headers: { authorization: `Bearer ${TOKEN}`, "accept-encoding": accepted },
    });
  const [plain, packed] = [await ask("identity"), await ask("gzip, br")];
  expect([plain, packed].map(({ headers }) => headers.get("content-encoding"))).toEqual([
    null,
    "gzip",
  ]);
  expect(packed.headers.get("vary")).toContain("Accept-Encoding");
  const bytes = new Uint8Array(await packed.arrayBuffer());
  expect(bytes.length).toBeLessThan(4_000);
  const { series } = JSON.parse(new TextDecoder().decode(Bun.gunzipSync(bytes))) as {
    series: Record<string, unknown[]>;
  };
  expect(series["delivered"]).toHaveLength(360);
});

describe("GET /v1/stats", () => {
  test("answers with lists, workers, webhooks and the server", async () => {
    const api = await apiScene();
    await beat(api, "w1", INFO);
    await beat(api, "w2");
    await api.redis.lpush(api.queue, "one", "two");
    await api.redis.hset(`{${api.queue}}:stats`, "delivered", 7, "taken", 9, "parked_bytes", 0);
    const record = webhookRecord();
    await api.stores.webhooks.create(record);
    await api.stores.webhooks.create(webhookRecord());
    await api.change(record.id, { enabled: false, disabled_reason: "gone" });
    const { status, body } = await api.call("GET", "/v1/stats");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      queues: [{ name: api.queue, depth: 2, oldest_age_s: 4.5, ended: { delivered: 7 } }],
      workers: [
        { id: "p1", host: "web-1", version: "9.9.9", slots: 1_024, used: 37, held: 40 },
        { id: "w2", host: null, version: null, slots: null },
      ],
      webhooks: { enabled: 1, disabled: 1 },
      rejected: 0,
    });
    expect((body["valkey"] as { version: string }).version).toMatch(/^\d+\./);
    expect(body["needs"]).toContainEqual(
      expect.objectContaining({ kind: "webhook-disabled", about: record.id }),
    );
    // Nothing of it names what belongs to a user.
    expect(JSON.stringify(body["queues"])).not.toContain("u_1");
  });

  test("counts a webhook that is enabled again or deleted as no longer disabled", async () => {
    const api = await apiScene();
    const [a, b] = [webhookRecord(), webhookRecord()];
    for (const record of [a, b]) {
      await api.stores.webhooks.create({ ...record, enabled: false, disabled_reason: "failing" });
    }
    const indexed = () => api.redis.zcard(api.stores.keys.disabledWebhooks);
    expect(await indexed()).toBe(2);
    await api.change(a.id, { enabled: true, disabled_reason: null });
    expect(await indexed()).toBe(1);
    await api.stores.webhooks.delete(b.id);
    expect(await indexed()).toBe(0);
  });

  test("finds webhooks that an earlier version has disabled", async () => {
    const api = await apiScene();
    const record = webhookRecord();
    await api.stores.webhooks.create({ ...record, enabled: false, disabled_reason: "gone" });
    await api.redis.del(api.stores.keys.disabledWebhooks);
    await api.call("GET", "/v1/stats");
    await eventually(async () => (await api.redis.zcard(api.stores.keys.disabledWebhooks)) === 1);
  });

  test("reads Valkey once for many that ask at once", async () => {
    const api = await apiScene();
    const scripts = async () => {
      const info = await api.redis.info("commandstats");
      return Number(/cmdstat_zcount:calls=(\d+)/.exec(info)?.[1] ?? 0);
    };
    await api.call("GET", "/v1/stats");
    const before = await scripts();
    await Promise.all(Array.from({ length: 50 }, () => api.call("GET", "/v1/stats")));
    // Other tests share the server; 50 reads would be 50 more.
    expect((await scripts()) - before).toBeLessThan(20);
  });

  test("is not for the token of an owner", async () => {
    const api = await apiScene({ identify: asOwner("user:u_1") });
    expect((await api.call("GET", "/v1/stats")).status).toBe(404);
    expect((await api.call("GET", "/v1/series")).status).toBe(404);
  });

  test("answers 503 while Valkey is away", async () => {
    const api = await sceneWithoutValkey();
    expect((await api.call("GET", "/v1/stats")).status).toBe(503);
    expect((await api.call("GET", "/v1/series")).status).toBe(503);
  });
});

describe("GET /v1/series", () => {
  test("answers with a column for each line of a chart, null where nothing was", async () => {
    const api = await apiScene();
    const nowMs = Date.parse("2126-01-02T03:04:05.678Z");
    await api.stores.series.add({
      number: 1,
      atMs: nowMs,
      counts: [
        ["d", 3],
        ["a24", 3],
      ],
      gauges: [["D:q", 8]],
    });
    for (const [range, steps, stepS] of [
      ["1h", 360, 10],
      ["24h", 1_440, 60],
    ] as const) {
      const { status, body } = await api.call("GET", `/v1/series?range=${range}`);
      expect([status, body["step_s"]]).toEqual([200, stepS]);
      const series = body["series"] as Record<string, (number | null)[]>;
      const at = series["delivered"]?.indexOf(3) ?? -1;
      expect(at).toBeGreaterThan(steps - 10);
      expect(Object.values(series).every(({ length }) => length === steps)).toBeTrue();
      expect(series["depth"]?.[at]).toBe(8);
      expect(series["p50_ms"]?.[at]).toBeGreaterThan(0);
      expect(series["retry"]?.[at]).toBe(0);
      expect(series["retry"]?.[at - 1]).toBeNull();
      const start = Date.parse(String(body["start"]));
      expect(start + at * stepS * 1_000).toBe(Math.floor(nowMs / stepS / 1_000) * stepS * 1_000);
    }
  });

  test.each(["7d", "", "1h ", "3600"])("refuses the range %j, which is not kept", async (range) => {
    const api = await apiScene();
    const answer = await api.call("GET", `/v1/series?range=${encodeURIComponent(range)}`);
    expect(answer.status).toBe(422);
    expect(answer.text).toContain("accepted are 1h");
  });
});
