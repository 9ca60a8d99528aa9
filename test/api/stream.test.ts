// GET /v1/stream in process: of one owner from its log, what it shows, who may look, how many may.
import { afterAll, expect, spyOn, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import type { OwnerRef } from "../../src/wire/owner.ts";
import { ownerPrincipal } from "../support/tokens.ts";
import { eventually } from "../support/eventually.ts";
import { watchStream, type StreamViewer } from "../support/stream-viewer.ts";
import { apiScene, asOwner, closeScenes, faultyFields, TOKEN, type ApiScene } from "./api-scene.ts";

afterAll(closeScenes);

function entry(n: number, fields: Partial<LogEntry> = {}): LogEntry {
  return {
    delivery_id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
    webhook_id: "wh_1",
    id: `evt_${n}`,
    endpoint: "https://example.com/hooks",
    event: "file.created",
    status_code: 204,
    duration_ms: 12,
    attempt: 1,
    outcome: "delivered",
    reason: null,
    next_attempt_at: null,
    timestamp: "2026-01-01T00:00:00.000Z",
    ...fields,
  };
}

const log = (scene: ApiScene, owner: OwnerRef, ...entries: LogEntry[]) =>
  scene.stores.logs.addAll(owner, entries);

function watch(
  scene: ApiScene,
  query: string,
  headers: Record<string, string> = {},
): Promise<StreamViewer> {
  return watchStream((signal) =>
    scene.raw(`/v1/stream${query}`, {
      headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      signal,
    }),
  );
}

const ids = (viewer: StreamViewer) => viewer.of("attempt").map(({ id }) => id);

test("a stream of an owner shows what comes into its log from now on, with its owner, and nobody else's", async () => {
  const scene = await apiScene();
  await log(scene, "user:u_1", entry(1));
  using viewer = await watch(scene, "?user_id=u_1");
  expect(viewer.status).toBe(200);
  expect(viewer.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(viewer.headers.get("cache-control")).toBe("no-store, no-transform");
  expect(viewer.headers.get("x-accel-buffering")).toBe("no");
  expect(await viewer.waitFor("hello")).toEqual([{ source: "owner", max_per_second: null }]);

  await log(scene, "user:u_2", entry(2));
  await log(scene, "org:u_1", entry(3));
  await log(scene, "user:u_1", entry(4), entry(5));
  expect(await viewer.waitFor("attempt", 2)).toEqual([
    { ...entry(4), user_id: "u_1" },
    { ...entry(5), user_id: "u_1" },
  ]);
  expect(viewer.events.filter(({ event }) => event === "attempt").map(({ id }) => id)).toEqual([
    entry(4).delivery_id,
    entry(5).delivery_id,
  ]);
});

test("a stream narrowed by webhook, outcome and event type shows only what matches", async () => {
  const scene = await apiScene();
  const { body } = await scene.call("POST", "/v1/webhooks", {
    user_id: "u_1",
    url: "https://example.com/a",
  });
  const webhook_id = String(body["id"]);
  using ofWebhook = await watch(scene, `?webhook_id=${webhook_id}`);
  using failed = await watch(scene, "?user_id=u_1&outcome=failed");
  using files = await watch(scene, "?user_id=u_1&event=file.*&outcome=delivered");
  await log(
    scene,
    "user:u_1",
    entry(1, { webhook_id }),
    entry(2, { outcome: "retry", reason: "http-500" }),
    entry(3, { outcome: "parked", event: "user.left" }),
    entry(4, { event: "user.left" }),
  );
  await ofWebhook.waitFor("attempt");
  await failed.waitFor("attempt", 2);
  await files.waitFor("attempt");
  expect([ofWebhook, failed, files].map(ids)).toEqual([["evt_1"], ["evt_2", "evt_3"], ["evt_1"]]);
});

test("Last-Event-ID resumes after that attempt; an unknown one is answered with all that is kept, and skipped", async () => {
  const scene = await apiScene();
  await log(scene, "user:u_1", entry(1), entry(2), entry(3));
  using known = await watch(scene, "?user_id=u_1", { "last-event-id": entry(1).delivery_id });
  using unknown = await watch(scene, "?user_id=u_1", { "last-event-id": "gone" });
  await log(scene, "user:u_1", entry(4));
  await known.waitFor("attempt", 3);
  await unknown.waitFor("attempt", 4);
  expect(ids(known)).toEqual(["evt_2", "evt_3", "evt_4"]);
  expect(known.of("skipped")).toEqual([]);
  expect(ids(unknown)).toEqual(["evt_1", "evt_2", "evt_3", "evt_4"]);
  expect(unknown.of("skipped")).toHaveLength(1);
});

test("for_s=0 answers what was missed and ends", async () => {
  const scene = await apiScene();
  await log(scene, "user:u_1", entry(1), entry(2));
  const headers = { "last-event-id": entry(1).delivery_id, authorization: `Bearer ${TOKEN}` };
  const response = await scene.raw("/v1/stream?user_id=u_1&for_s=0", { headers });
  const text = await response.text();
  expect(text.match(/^event: .*$/gm)).toEqual(["event: hello", "event: attempt", "event: bye"]);
  expect(text).toContain('data: {"reason":"time"}');
  expect(scene.hub.viewers).toBe(0);
});

test("more attempts between two looks than the log keeps are told as skipped", async () => {
  const scene = await apiScene();
  await log(scene, "user:u_1", entry(0));
  using viewer = await watch(scene, "?user_id=u_1");
  await log(scene, "user:u_1", ...Array.from({ length: 15 }, (_, n) => entry(n + 1)));
  await viewer.waitFor("attempt", 10);
  expect(viewer.of("skipped")).toHaveLength(1);
  expect(ids(viewer)).toEqual(Array.from({ length: 10 }, (_, n) => `evt_${n + 6}`));
});

test("what another program put into a log is not shown, and breaks no event", async () => {
  const scene = await apiScene();
  using viewer = await watch(scene, "?user_id=u_1");
  await scene.redis.lpush(`${scene.prefix}:logs:u_1`, "no attempt");
  const odd = entry(1, { delivery_id: "x\n\nevent: bye\ndata: {}\n\n", event: "\u2028\r\n" });
  await log(scene, "user:u_1", odd, entry(2));
  await viewer.waitFor("attempt", 2);
  expect(viewer.events.map(({ event, id }) => [event, id])).toEqual([
    ["hello", null],
    ["attempt", null],
    ["attempt", entry(2).delivery_id],
  ]);
  expect(viewer.of("attempt")[0]).toEqual({ ...odd, user_id: "u_1" });
});

test("an owner's log is read once however many look, and not at all when nobody does", async () => {
  const scene = await apiScene();
  const viewers = await Promise.all(Array.from({ length: 15 }, () => watch(scene, "?user_id=u_1")));
  const reads = async () => {
    const stats = await scene.redis.info("commandstats");
    return Number(/cmdstat_lrange:calls=(\d+)/.exec(stats)?.[1]);
  };
  const before = await reads();
  const startedAt = performance.now();
  for (let n = 1; n <= 3; n += 1) {
    await log(scene, "user:u_1", entry(n));
    await Promise.all(viewers.map((viewer) => viewer.waitFor("attempt", n)));
  }
  const looks = (performance.now() - startedAt) / 500;
  expect((await reads()) - before).toBeLessThan(looks + 5);
  for (const viewer of viewers) viewer.close();
  await eventually(() => scene.hub.viewers === 0);
  const after = await reads();
  await Bun.sleep(1_200);
  expect(await reads()).toBe(after);
});

test("the API token sees what workers publish of all owners, and alerts; an owner its own alerts", async () => {
  const scene = await apiScene();
  using all = await watch(scene, "");
  using own = await watch(scene, "?user_id=u_1");
  expect(await all.waitFor("hello")).toEqual([{ source: "all", max_per_second: 200 }]);
  const publish = () =>
    scene.stores.live.publish(
      [
        '{"delivered":7,"retry":1,"parked":0}',
        JSON.stringify({ ...entry(1), user_id: "u_1" }),
        "nonsense",
        '{"delivery_id":5}',
        JSON.stringify({ ...entry(2, { outcome: "retry" }), org_id: "o_1" }),
      ].join("\n"),
    );
  await eventually(async () => (await publish()) === 1);
  expect(await all.waitFor("attempt", 2)).toEqual([
    { ...entry(1), user_id: "u_1" },
    { ...entry(2, { outcome: "retry" }), org_id: "o_1" },
  ]);
  expect((await all.waitFor("second"))[0]).toMatchObject({ delivered: 7, retry: 1, shown: 2 });
  expect(await scene.redis.pttl(`{${scene.queue}}:watched`)).toBeWithin(1, 5_001);

  await scene.stores.alerts.raise({ id: "alert_1", kind: "webhook.disabled", user_id: "u_2" });
  await scene.stores.alerts.raise({ id: "alert_2", kind: "webhook.disabled", user_id: "u_1" });
  await all.waitFor("alert", 2);
  expect(await own.waitFor("alert")).toMatchObject([{ id: "alert_2" }]);
  expect(own.of("attempt")).toEqual([]);
});

test("a stream of figures shows what /v1/stats and /v1/series answer, alerts, and no attempt, and makes no worker publish", async () => {
  const scene = await apiScene();
  await scene.redis.lpush(scene.queue, "one", "two");
  using viewer = await watch(scene, "?stats=true");
  expect(await viewer.waitFor("hello")).toEqual([{ source: "figures", max_per_second: null }]);
  const [stats] = await viewer.waitFor("stats");
  const { body } = await scene.call("GET", "/v1/stats");
  expect(Object.keys(stats ?? {})).toEqual(Object.keys(body));
  expect(stats).toMatchObject({ queues: [{ name: scene.queue, depth: 2 }] });
  const [newest] = await viewer.waitFor("series");
  const hour = (await scene.call("GET", "/v1/series")).body;
  expect(Object.keys(newest?.["series"] as object)).toEqual(Object.keys(hour["series"] as object));
  expect(newest).toMatchObject({ step_s: 10, series: { delivered: [null, null, null] } });

  await scene.redis.lpush(scene.queue, "three");
  await scene.stores.series.add({
    number: 1,
    // The last of the three steps.
    atMs: Date.parse(String(newest?.["start"])) + 20_000,
    counts: [["d", 7]],
    gauges: [],
  });
  await eventually(() => {
    expect(viewer.of("stats").at(-1)).toMatchObject({ queues: [{ depth: 3 }] });
    const { delivered } = viewer.of("series").at(-1)!["series"] as { delivered: unknown[] };
    expect(delivered).toContain(7);
  });
  await scene.stores.alerts.raise({ id: "alert_1", kind: "webhook.disabled", user_id: "u_2" });
  expect(await viewer.waitFor("alert")).toMatchObject([{ id: "alert_1" }]);
  expect(await scene.redis.exists(`{${scene.queue}}:watched`)).toBe(0);
  expect(viewer.of("attempt")).toEqual([]);
});

test("the figures are read once however many look, and not at all when nobody does", async () => {
  const scene = await apiScene();
  const viewers = await Promise.all(Array.from({ length: 15 }, () => watch(scene, "?stats=true")));
  const overview = spyOn(scene.deps.stores.stats, "overview");
  const before = viewers[0]!.of("stats").length;
  await Promise.all(viewers.map((viewer) => viewer.waitFor("stats", before + 2)));
  expect(overview.mock.calls.length).toBeLessThan(5);
  for (const viewer of viewers) viewer.close();
  await eventually(() => scene.hub.viewers === 0);
  // One may be under way.
  await Bun.sleep(200);
  const after = overview.mock.calls.length;
  await Bun.sleep(2_500);
  expect(overview.mock.calls.length).toBe(after);
});

test("for_s=0 answers the figures of now and ends", async () => {
  const scene = await apiScene();
  const response = await scene.raw("/v1/stream?stats=true&for_s=0", {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const events = (await response.text()).match(/^event: .*$/gm);
  expect(events).toEqual(["event: hello", "event: stats", "event: series", "event: bye"]);
});

test("an owner's token gets no figures of the service", async () => {
  const scene = await apiScene({ identify: asOwner("user:u_1") });
  expect((await scene.call("GET", "/v1/stream?stats=true")).status).toBe(404);
});

test("a viewer of all owners that comes back within seconds misses nothing", async () => {
  const scene = await apiScene();
  const publish = (n: number) =>
    scene.stores.live.publish(`{}\n${JSON.stringify({ ...entry(n), user_id: "u_1" })}`);
  {
    using first = await watch(scene, "");
    await eventually(async () => (await publish(1)) === 1);
    await first.waitFor("attempt");
  }
  await eventually(() => scene.hub.viewers === 0);
  await publish(2);
  using again = await watch(scene, "", { "last-event-id": entry(1).delivery_id });
  await publish(3);
  await again.waitFor("attempt", 2);
  expect(ids(again)).toEqual(["evt_2", "evt_3"]);
});

test("a stream ends with bye when its token no longer counts", async () => {
  let isValid = true;
  const scene = await apiScene({
    identify: () => (isValid ? ownerPrincipal("user:u_1") : "expired"),
  });
  using viewer = await watch(scene, "");
  await viewer.waitFor("hello");
  isValid = false;
  expect(await viewer.waitFor("bye")).toEqual([{ reason: "token" }]);
  await eventually(() => viewer.hasEnded);
  expect(scene.hub.viewers).toBe(0);
});

test("too many viewers are answered 503 with Retry-After until one has gone", async () => {
  const scene = await apiScene({ streamLimits: { viewers: 4, ofOwners: 3, ofOneOwner: 2 } });
  using first = await watch(scene, "?user_id=u_1");
  using second = await watch(scene, "?user_id=u_1");
  using third = await watch(scene, "?user_id=u_2");
  const refused = async (query: string) => {
    const answer = await scene.call("GET", `/v1/stream${query}`);
    const { type, detail } = answer.body;
    return [answer.status, answer.headers.get("retry-after"), type, String(detail).slice(0, 12)];
  };
  const full = "urn:fluxhook:problem:too-many-viewers";
  expect(await refused("?user_id=u_1")).toEqual([503, "10", full, "this owner h"]);
  expect(await refused("?org_id=o_1")).toEqual([503, "10", full, "this process"]);
  using fourth = await watch(scene, "");
  expect(await refused("")).toEqual([503, "10", full, "this process"]);
  expect([first, second, third, fourth].map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  second.close();
  await eventually(() => scene.hub.viewers === 3);
  using next = await watch(scene, "?user_id=u_1");
  expect(next.status).toBe(200);
});

test.each([
  ["?colour=red", ["colour"]],
  ["?outcome=lost", ["outcome"]],
  ["?event=a..b", ["event"]],
  ["?user_id=u_1&org_id=o_1", ["org_id"]],
  ["?for_s=-1", ["for_s"]],
  ["?for_s=1e9", ["for_s"]],
  ["?user_id=.", ["user_id"]],
  ["?stats=yes", ["stats"]],
  ["?stats=true&user_id=u_1", ["user_id"]],
  ["?stats=true&webhook_id=wh_1", ["webhook_id"]],
  ["?stats=true&outcome=failed", ["outcome"]],
  ["?stats=true&executions=true", ["executions"]],
  ["?stats=true&workflow_id=orders", ["workflow_id"]],
])("GET /v1/stream%s is refused, and names the field", async (query, fields) => {
  const scene = await apiScene();
  const answer = await scene.call("GET", `/v1/stream${query}`);
  expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
});

test("an owner's token sees its own stream, and 404 for another owner or webhook", async () => {
  const operator = await apiScene();
  const { body } = await operator.call("POST", "/v1/webhooks", {
    user_id: "u_1",
    url: "https://example.com/a",
  });
  const scene = await apiScene({ identify: asOwner("user:u_2"), prefix: operator.prefix });
  for (const query of ["user_id=u_1", "org_id=u_2", `webhook_id=${String(body["id"])}`]) {
    expect((await scene.call("GET", `/v1/stream?${query}`)).status).toBe(404);
  }
  const other = await operator.call(
    "GET",
    `/v1/stream?user_id=u_2&webhook_id=${String(body["id"])}`,
  );
  expect(other.status).toBe(404);
  using viewer = await watch(scene, "");
  await log(scene, "user:u_1", entry(1));
  await log(scene, "user:u_2", entry(2));
  await viewer.waitFor("attempt");
  expect(ids(viewer)).toEqual(["evt_2"]);
});

test("HEAD answers the headers and opens no stream", async () => {
  const scene = await apiScene();
  const answer = await scene.call("HEAD", "/v1/stream");
  expect([answer.status, answer.text]).toEqual([200, ""]);
  expect(scene.hub.viewers).toBe(0);
});
