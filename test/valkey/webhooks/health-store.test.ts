import type { WebhookId } from "../../../src/wire/ids.ts";
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { HealthStore, type HealthChange } from "../../../src/valkey/webhooks/health-store.ts";
import { sharedKeys, type SharedKeys } from "../../../src/valkey/keys.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { QueueLab } from "../queue/test-queue.ts";

const DAY_MS = 86_400_000;

let lab: QueueLab;
let keys: SharedKeys;
let store: HealthStore;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());
beforeEach(() => {
  keys = sharedKeys(freshPrefix());
  store = new HealthStore(lab.link, keys);
});

const failed = (failures: number, webhookId: WebhookId = "wh_1"): HealthChange => ({
  webhookId,
  failures,
  succeeded: false,
  failed: true,
});
const succeeded = (failuresAfter = 0): HealthChange => ({
  webhookId: "wh_1",
  failures: failuresAfter,
  succeeded: true,
  failed: failuresAfter > 0,
});

const add = async (change: HealthChange) => (await store.add([change]))[0]!;
const read = async () => (await store.read(["wh_1"]))[0]!;

/** Changes the health as if the failures had begun this long ago. */
const beganAgo = async (ms: number) => {
  const began = Number(await lab.redis.hget(keys.health("wh_1"), "failing_since"));
  expect(began).toBeGreaterThan(0);
  await lab.redis.hset(keys.health("wh_1"), "failing_since", began - ms);
};

test("failures in a row add up over groups, with the time since the first", async () => {
  expect(await add(failed(2))).toMatchObject({ failuresBefore: 0, consecutiveFailures: 2 });
  await beganAgo(5 * DAY_MS);
  const state = await add(failed(3));
  expect(state).toMatchObject({ failuresBefore: 2, consecutiveFailures: 5 });
  expect(state.failingForMs).toBeGreaterThanOrEqual(5 * DAY_MS);
});

test("a success resets the failures in a row", async () => {
  await add(failed(5));
  await beganAgo(5 * DAY_MS);
  expect(await add(succeeded())).toEqual({
    failuresBefore: 5,
    consecutiveFailures: 0,
    failingForMs: 0,
  });
  expect(await add(failed(1))).toEqual({
    failuresBefore: 0,
    consecutiveFailures: 1,
    failingForMs: 0,
  });
});

test("in a group with a success only the failures after it count", async () => {
  await add(failed(5));
  await beganAgo(5 * DAY_MS);
  expect(await add(succeeded(2))).toEqual({
    failuresBefore: 5,
    consecutiveFailures: 2,
    failingForMs: 0,
  });
});

test("each webhook of a group gets its own state, in the order of the request", async () => {
  await add(failed(1));
  const states = await store.add([failed(2, "wh_2"), failed(1)]);
  expect(states.map((state) => state?.consecutiveFailures)).toEqual([2, 2]);
});

test("the health has the times of the last success and failure, by the server's clock", async () => {
  const none = { last_success_at: null, last_failure_at: null, consecutive_failures: 0 };
  expect(await read()).toEqual(none);
  await add(failed(1));
  const ill = await read();
  expect(ill).toEqual({
    last_success_at: null,
    last_failure_at: expect.stringMatching(/^\d{4}-.*Z$/),
    consecutive_failures: 1,
  });
  await add(succeeded());
  expect(await read()).toEqual({
    last_success_at: expect.stringMatching(/^\d{4}-.*Z$/),
    last_failure_at: ill.last_failure_at,
    consecutive_failures: 0,
  });
});

test("a reset clears the failures and keeps the times", async () => {
  await add(failed(9));
  await beganAgo(DAY_MS);
  const { last_failure_at } = await read();
  await store.reset("wh_1");
  expect(await read()).toEqual({
    last_success_at: null,
    last_failure_at,
    consecutive_failures: 0,
  });
  expect((await add(failed(1))).failingForMs).toBe(0);
});

test("the health expires two months after the last attempt, later than any disable rule needs it", async () => {
  await add(failed(1));
  const ttl = await lab.redis.pttl(keys.health("wh_1"));
  expect(ttl).toBeGreaterThan(59 * DAY_MS);
  expect(ttl).toBeLessThanOrEqual(60 * DAY_MS);
});
