// Retries, pauses and lanes as a receiver sees them.
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { eventFor, numberOf, openScene, register } from "../support/serve-scene.ts";

test("a failed attempt is retried on the schedule, with the same body and a new signature", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver(
    (_, index) => new Response(null, { status: index < 2 ? 500 : 200 }),
  );
  await register(service, {
    user_id: "u_1",
    url: receiver.url,
    retry_schedule: ["0s", "200ms", "300ms"],
  });
  await scene.push('{"user_id":"u_1","event":"file.created","data":{"n": 1.0}}');
  const requests = await receiver.waitFor(3);

  expect(new Set(requests.map(({ text }) => text)).size).toBe(1);
  expect(new Set(requests.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  expect(new Set(requests.map(({ headers }) => headers.get("x-fluxdrop-delivery"))).size).toBe(3);
  const [first, second, third] = requests.map(({ at }) => at) as [number, number, number];
  // Never earlier than the schedule says, by the clock of the receiver.
  expect(second - first).toBeGreaterThanOrEqual(199);
  expect(third - second).toBeGreaterThanOrEqual(299);
  const log = await eventually(async () => {
    const entries = await scene.logOf("u_1");
    return entries.length === 3 ? entries : null;
  });
  expect(log.map(({ attempt, outcome, reason }) => [attempt, outcome, reason])).toEqual([
    [3, "delivered", null],
    [2, "retry", "http-500"],
    [1, "retry", "http-500"],
  ]);
  expect(log[0]?.next_attempt_at).toBeNull();
  expect(Date.parse(log[1]?.next_attempt_at ?? "")).toBeGreaterThan(
    Date.parse(log[1]?.timestamp ?? ""),
  );
});

test("Retry-After pauses the whole webhook and loses no event", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver((_, index) =>
    index === 0
      ? new Response(null, { status: 429, headers: { "Retry-After": "2" } })
      : new Response(null, { status: 204 }),
  );
  await register(service, { user_id: "u_1", url: receiver.url, retry_schedule: ["0s", "100ms"] });
  await scene.push(eventFor("u_1", 0));
  const [asked] = await receiver.waitFor(1);
  await eventually(async () => (await scene.logOf("u_1")).length === 1);
  await scene.push(...Array.from({ length: 20 }, (_, n) => eventFor("u_1", n + 1)));
  const requests = await receiver.waitFor(22, { withinMs: 20_000 });

  const after = requests.slice(1);
  expect(Math.min(...after.map(({ at }) => at)) - (asked?.at ?? 0)).toBeGreaterThanOrEqual(1_999);
  expect(new Set(requests.map(numberOf)).size).toBe(21);
});

test("a slow webhook gets its events in order through its lane, and other webhooks do not wait for it", async () => {
  await using scene = await openScene();
  const service = await scene.serve({ FLUXHOOK_WEBHOOK_CONCURRENCY: "1" });
  const slow = scene.receiver(async () => {
    await Bun.sleep(15);
    return new Response(null, { status: 204 });
  });
  const fast = scene.receiver();
  await register(service, { user_id: "u_slow", url: slow.url });
  await register(service, { user_id: "u_fast", url: fast.url });
  const slowEvents = Array.from({ length: 60 }, (_, n) => eventFor("u_slow", n));
  await scene.push(...slowEvents, eventFor("u_fast"));
  await fast.waitFor(1);

  expect(slow.requests.length).toBeLessThan(60);
  const requests = await slow.waitFor(60, { withinMs: 20_000 });
  expect(requests.map(numberOf)).toEqual(Array.from({ length: 60 }, (_, n) => n));
  await eventually(async () => (await scene.redis.exists(`{${scene.queue}}:lanes`)) === 0);
});

test("a deleted webhook gets nothing more, not even scheduled retries", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver(() => new Response(null, { status: 500 }));
  const webhook = await register(service, {
    user_id: "u_1",
    url: receiver.url,
    retry_schedule: ["0s", "600ms", "600ms"],
  });
  await scene.push(eventFor("u_1"));
  await receiver.waitFor(1);
  expect((await service.api("DELETE", `/v1/webhooks/${webhook.id}`)).status).toBe(204);

  await eventually(() => service.lines.some(({ event }) => event === "delivery.webhook_deleted"));
  // The settlement follows the log line.
  await eventually(async () =>
    expect(await scene.redis.hget(`{${scene.queue}}:stats`, "deleted")).toBe("1"),
  );
  expect(receiver.requests.length).toBe(1);
  expect(await scene.redis.exists(`{${scene.queue}}:schedule`)).toBe(0);
});
