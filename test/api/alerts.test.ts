// GET /v1/alerts: the list of alerts, to an owner what is about its webhooks.
import { afterAll, expect, test } from "bun:test";
import type { Alert } from "../../src/wire/alert.ts";
import { apiScene, asOwner, closeScenes, faultyFields, type ApiScene } from "./api-scene.ts";

afterAll(closeScenes);

function alert(n: number, fields: Partial<Alert> = {}): Alert {
  return {
    id: `alert_${String(n).padStart(32, "0")}`,
    kind: "webhook.disabled",
    message: `message ${n}`,
    at: "2026-01-01T00:00:00.000Z",
    ...fields,
  };
}

const numbersIn = (body: Record<string, unknown>) =>
  (body["alerts"] as Alert[]).map(({ message }) => Number(message.slice("message ".length)));

async function numbers(scene: ApiScene, query = ""): Promise<number[]> {
  const { status, body } = await scene.call("GET", `/v1/alerts${query}`);
  expect(status).toBe(200);
  return numbersIn(body);
}

test("GET /v1/alerts answers the newest first, narrowed by owner, webhook and kind; an owner its own", async () => {
  const scene = await apiScene();
  for (const one of [
    alert(1, { user_id: "u_1", webhook_id: "wh_1" }),
    alert(2, { org_id: "u_1", webhook_id: "wh_2" }),
    alert(3, { queue: "events", kind: "queue.delayed" }),
    alert(4, { user_id: "u_1", webhook_id: "wh_3", kind: "delivery.parked", reason: "timeout" }),
    alert(5, { user_id: "u_2", webhook_id: "wh_4", kind: "kind.of_tomorrow" }),
  ]) {
    await scene.stores.alerts.raise(one);
  }
  expect(await numbers(scene)).toEqual([5, 4, 3, 2, 1]);
  expect(await numbers(scene, "?user_id=u_1")).toEqual([4, 1]);
  expect(await numbers(scene, "?user_id=u_1&org_id=u_1")).toEqual([4, 2, 1]);
  expect(await numbers(scene, "?webhook_id=wh_4")).toEqual([5]);
  expect(await numbers(scene, "?kind=queue.delayed")).toEqual([3]);

  const own = await apiScene({ prefix: scene.prefix, identify: asOwner("user:u_1") });
  expect(await numbers(own)).toEqual([4, 1]);
  expect(await numbers(own, "?webhook_id=wh_4")).toEqual([]);
  for (const query of ["user_id=u_2", "org_id=u_1", "user_id=u_1&org_id=u_1"]) {
    expect((await own.call("GET", `/v1/alerts?${query}`)).status).toBe(404);
  }
});

test("GET /v1/alerts reaches all in pages, also if new ones are raised meanwhile, and ends if they fell out", async () => {
  const scene = await apiScene();
  for (let n = 1; n <= 5; n += 1) await scene.stores.alerts.raise(alert(n, { user_id: "u_1" }));
  const first = await scene.call("GET", "/v1/alerts?limit=2");
  expect(numbersIn(first.body)).toEqual([5, 4]);
  await scene.stores.alerts.raise(alert(6));
  const next = `/v1/alerts?limit=2&cursor=${String(first.body["next_cursor"])}`;
  const second = await scene.call("GET", next);
  expect(numbersIn(second.body)).toEqual([3, 2]);
  const last = await scene.call(
    "GET",
    `/v1/alerts?limit=2&cursor=${String(second.body["next_cursor"])}`,
  );
  expect([numbersIn(last.body), last.body["next_cursor"]]).toEqual([[1], null]);
  await scene.redis.del(`${scene.prefix}:alerts`);
  expect((await scene.call("GET", next)).body).toEqual({ alerts: [], next_cursor: null });
});

test("GET /v1/alerts leaves out what another program pushed", async () => {
  const scene = await apiScene();
  await scene.stores.alerts.raise(alert(1));
  await scene.redis.lpush(`${scene.prefix}:alerts`, "text", '{"id":5}', "[]", "\xff");
  expect(await numbers(scene)).toEqual([1]);
});

test.each([
  ["?colour=red", ["colour"]],
  ["?kind=webhook.lost", ["kind"]],
  ["?user_id=a%20b", ["user_id"]],
  ["?limit=0", ["limit"]],
  // Of another list.
  [`?cursor=${Buffer.from("2026-01-01T00:00:00.000Z wh_1").toString("base64url")}`, ["cursor"]],
])("GET /v1/alerts%s is refused, and names the field", async (query, fields) => {
  const scene = await apiScene();
  const answer = await scene.call("GET", `/v1/alerts${query}`);
  expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
});
