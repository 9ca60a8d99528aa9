// The filter of a webhook, on real processes: who gets an event, and how what is kept back is counted.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { queueKeys, sharedKeys } from "../../src/valkey/keys.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor, numberOf, openScene, register, type Scene } from "../support/serve-scene.ts";
import type { Receiver } from "../support/receiver.ts";
import type { ServiceProcess } from "../support/service.ts";

let scene: Scene;
let service: ServiceProcess;

beforeAll(async () => {
  scene = await openScene();
  service = await scene.serve();
});

afterAll(() => scene[Symbol.asyncDispose]());

/** In the contract: "A change counts on every worker within one second". */
const CHANGE_COUNTS_WITHIN_MS = 1_000;

const numbersAt = ({ requests }: Receiver) => requests.map(numberOf).toSorted((a, b) => a - b);

async function counts(): Promise<{ filtered: number; errors: number; delivered: number }> {
  const stats = await scene.redis.hgetall(queueKeys(scene.queue).stats);
  return {
    filtered: Number(stats["filtered"] ?? 0),
    errors: Number(stats["filter-error"] ?? 0),
    delivered: Number(stats["delivered"] ?? 0),
  };
}

/** What was counted since `before`, once nothing is under way any more. */
function countedSince(before: Awaited<ReturnType<typeof counts>>, total: number) {
  return eventually(async () => {
    const now = await counts();
    const since = {
      filtered: now.filtered - before.filtered,
      errors: now.errors - before.errors,
      delivered: now.delivered - before.delivered,
    };
    return since.filtered + since.delivered >= total && since;
  });
}

test("of two webhooks the one with a filter gets what matches, and the rest is counted", async () => {
  const before = await counts();
  const [all, some, stranger] = [scene.receiver(), scene.receiver(), scene.receiver()];
  await register(service, { user_id: "u_1", url: all.url });
  const { filter } = await register(service, {
    user_id: "u_1",
    url: some.url,
    filter: "event.data.n > 1",
  });
  expect(filter).toBe("event.data.n > 1");
  // Another tenant's events are judged by that tenant's webhooks alone.
  await register(service, { user_id: "u_2", url: stranger.url });
  await scene.push(eventFor("u_1", 1), eventFor("u_1", 2), eventFor("u_1", 3), eventFor("u_2", 1));
  expect(await countedSince(before, 7)).toEqual({ filtered: 1, errors: 0, delivered: 6 });
  expect([numbersAt(all), numbersAt(some), numbersAt(stranger)]).toEqual([[1, 2, 3], [2, 3], [1]]);
});

test("an unknown path and data deeper than 64 are no match, and counted as errors", async () => {
  const before = await counts();
  const [receiver, other] = [scene.receiver(), scene.receiver()];
  await register(service, { user_id: "u_err", url: receiver.url, filter: "event.data.n < 10" });
  await register(service, { user_id: "u_other", url: other.url });
  const deep = `{"n":1,"a":${"[".repeat(64)}${"]".repeat(64)}}`;
  await scene.push(
    `{"user_id":"u_err","event":"a","data":{"m":1}}`,
    `{"user_id":"u_err","event":"a","data":${deep}}`,
    eventFor("u_err", 20),
    eventFor("u_err", 5),
    eventFor("u_other", 5),
  );
  expect(await countedSince(before, 5)).toEqual({ filtered: 3, errors: 2, delivered: 2 });
  expect([numbersAt(receiver), numbersAt(other)]).toEqual([[5], [5]]);
});

test("a change of the filter counts within a second, and null removes it", async () => {
  const receiver = scene.receiver();
  const { id } = await register(service, { user_id: "u_change", url: receiver.url });
  await scene.push(eventFor("u_change", 1));
  await receiver.waitFor(1);
  const change = async (filter: string | null) => {
    const { status } = await service.api("PATCH", `/v1/webhooks/${id}`, { filter });
    expect(status).toBe(200);
    await Bun.sleep(CHANGE_COUNTS_WITHIN_MS);
  };

  await change("event.data.n != 2");
  await scene.push(eventFor("u_change", 2), eventFor("u_change", 3));
  await receiver.waitFor(2);
  await change(null);
  await scene.push(eventFor("u_change", 2));
  await receiver.waitFor(3);

  expect(numbersAt(receiver)).toEqual([1, 2, 3]);
  expect(receiver.requests.map(numberOf)).toEqual([1, 3, 2]);
});

test("a test and a redelivery are sent whatever the filter says", async () => {
  const receiver = scene.receiver();
  const { id } = await register(service, { user_id: "u_again", url: receiver.url });
  await scene.push(eventFor("u_again", 1));
  const [first] = await receiver.waitFor(1);
  const uuid = first?.headers.get("x-fluxdrop-delivery") ?? "";
  await eventually(async () => (await scene.logOf("u_again")).length === 1);
  await service.api("PATCH", `/v1/webhooks/${id}`, { filter: "false" });

  expect((await service.api("POST", `/v1/webhooks/${id}/test`)).status).toBe(200);
  await receiver.waitFor(2);
  const again = await service.api("POST", `/v1/deliveries/${uuid}/redeliver`);
  expect(again.status).toBeLessThan(300);
  const requests = await receiver.waitFor(3);
  expect(numberOf(requests[2]!)).toBe(1);
});

test("a parked delivery is sent again whatever the filter says by then", async () => {
  const receiver = scene.receiver();
  const { id } = await register(service, {
    user_id: "u_parked",
    url: receiver.url,
    filter: "event.data.n > 1",
    enabled: false,
  });
  await scene.push(eventFor("u_parked", 1), eventFor("u_parked", 2));
  // What the filter keeps back is not parked either.
  const parked = await parkedOf("u_parked", 1);
  expect(parked).toMatchObject([{ webhook_id: id, reason: "webhook-disabled" }]);

  await service.api("PATCH", `/v1/webhooks/${id}`, { filter: "false", enabled: true });
  await Bun.sleep(CHANGE_COUNTS_WITHIN_MS);
  const { body } = await service.api("POST", "/v1/parked/redeliver", { user_id: "u_parked" });
  expect(body).toMatchObject({ redelivered: 1 });
  const [request] = await receiver.waitFor(1);
  expect(numberOf(request!)).toBe(2);
});

test("a stored filter that does not compile parks its webhook's deliveries, and no others", async () => {
  const [receiver, other] = [scene.receiver(), scene.receiver()];
  const { id } = await register(service, { user_id: "u_bad", url: receiver.url });
  await register(service, { user_id: "u_bad", url: other.url });
  await store("u_bad", id, (record) => ({ ...record, filter: "event.data.n >" }));
  await scene.push(eventFor("u_bad", 1));
  await other.waitFor(1);
  expect(await parkedOf("u_bad", 1)).toMatchObject([{ webhook_id: id }]);
  expect(receiver.requests).toHaveLength(0);
  const line = await eventually(
    () => service.lines.find(({ event }) => event === "filter.unreadable") ?? null,
  );
  expect(line).toMatchObject({ webhook_id: id, codes: ["syntax"] });
});

test("a webhook that a version without filters wrote has none", async () => {
  const receiver = scene.receiver();
  const { id } = await register(service, { user_id: "u_old", url: receiver.url });
  await store("u_old", id, (record) => ({ ...record, filter: undefined }));
  await scene.push(eventFor("u_old", 4));
  await receiver.waitFor(1);
  const { body } = await service.api("GET", `/v1/webhooks/${id}`);
  expect(body).toHaveProperty("filter", null);
});

/** Writes over a webhook as it stands in Valkey. */
async function store(
  user: string,
  id: string,
  change: (record: Record<string, unknown>) => object,
): Promise<void> {
  const key = sharedKeys(scene.prefix).webhooks(`user:${user}`);
  const stored = JSON.parse((await scene.redis.hget(key, id)) ?? "") as Record<string, unknown>;
  await scene.redis.hset(key, id, JSON.stringify(change(stored)));
}

/** What is parked of the user, once there is as much. */
function parkedOf(user: string, count: number): Promise<object[]> {
  return eventually(async () => {
    const { body } = await service.api<{ parked: object[] }>("GET", `/v1/parked?user_id=${user}`);
    return body.parked.length === count && body.parked;
  });
}
