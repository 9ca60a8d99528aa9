// How a process ends while it delivers: SIGKILL at any moment, SIGTERM with and without time.
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { hang } from "../support/receiver.ts";
import { pushEvents } from "../support/push-events.ts";
import { eventFor, numberOf, openScene, register } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";

const LONG = process.env.FLUXHOOK_TEST_LONG === "1";
const COUNT = LONG ? 5_000 : 2_000;
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const noContent = () => new Response(null, { status: 204 });

/** In the contract: "a dead worker's claims run again within 15 s". */
const TAKEN_OVER_WITHIN_MS = 15_000;

test.concurrent(
  "SIGKILL loses no event, and one that is sent twice has the same id and bytes",
  async () => {
    await using scene = await openScene();
    let doomed: ServiceProcess | null = null;
    const receiver = scene.receiver((_request, index) => {
      if (index === COUNT / 4) doomed?.signal("SIGKILL");
      return noContent();
    });
    doomed = await scene.serve();
    await register(doomed, { user_id: "u_1", url: receiver.url });
    await scene.push(...upTo(COUNT).map((n) => eventFor("u_1", n)));
    await doomed.exited;
    expect(receiver.requests.length).toBeLessThan(COUNT);
    const claims = await scene.redis.keys(`{${scene.queue}}:claims:*`);
    expect(claims, "it was killed with work in its hands").not.toEqual([]);

    await scene.serve();
    await eventually(() => expect(new Set(receiver.requests.map(numberOf)).size).toBe(COUNT), {
      withinMs: TAKEN_OVER_WITHIN_MS,
    });

    const byNumber = Map.groupBy(receiver.requests, numberOf);
    const idsByNumber = [...byNumber.values()].map(
      (copies) => new Set(copies.map(({ headers }) => headers.get("webhook-id"))),
    );
    expect(idsByNumber.every((ids) => ids.size === 1)).toBeTrue();
    expect(new Set(idsByNumber.flatMap((ids) => [...ids])).size).toBe(COUNT);
    const bodies = [...byNumber.values()].map((copies) => new Set(copies.map(({ text }) => text)));
    expect(bodies.every((texts) => texts.size === 1)).toBeTrue();
    await eventually(async () => {
      expect(await scene.redis.keys(`{${scene.queue}}:claims:*`)).toEqual([]);
    });
    expect(await scene.redis.llen(scene.queue)).toBe(0);
  },
  { timeout: 60_000 },
);

test.concurrent(
  "a running process takes over the claims of a killed one, and no others",
  async () => {
    await using scene = await openScene();
    let hanging = true;
    const receiver = scene.receiver(() => (hanging ? hang() : noContent()));
    const doomed = await scene.serve();
    await register(doomed, { user_id: "u_1", url: receiver.url, timeout_ms: 30_000 });
    await scene.push(eventFor("u_1", 0));
    const [first] = await receiver.waitFor(1);
    const other = await scene.serve();
    doomed.signal("SIGKILL");
    await doomed.exited;
    // Valkey has seen the end of its connections too: a wait of a process that is gone would take the next event.
    for (let turns = 0; turns < 2; turns += 1) await scene.redis.ping();
    hanging = false;
    await scene.push(eventFor("u_1", 1));
    const requests = await receiver.waitFor(3, { withinMs: TAKEN_OVER_WITHIN_MS });
    await other.stop();

    expect(requests.map(numberOf)).toEqual([0, 1, 0]);
    const again = requests[2];
    expect(again?.text).toBe(first?.text ?? "");
    expect(again?.headers.get("webhook-id")).toBe(first?.headers.get("webhook-id") ?? "");
  },
  { timeout: 60_000 },
);

test("with FLUXHOOK_CLAIM=blpop, SIGKILL loses only events in flight and sends none twice", async () => {
  await using scene = await openScene();
  const count = 300;
  let killed = false;
  const answered = 20;
  let delivered = 0;
  const receiver = scene.receiver((_request, index) => {
    if (!killed && index >= answered) return hang();
    delivered += 1;
    return noContent();
  });
  const env = { FLUXHOOK_CLAIM: "blpop" };
  const doomed = await scene.serve(env);
  await register(doomed, { user_id: "u_1", url: receiver.url, timeout_ms: 30_000 });
  await pushEvents(
    scene.valkey.url,
    scene.queue,
    upTo(count).map((n) => eventFor("u_1", n)),
    "RPUSH",
  );
  await receiver.waitFor(answered + 1);
  doomed.signal("SIGKILL");
  await doomed.exited;
  killed = true;

  const next = await scene.serve(env);
  await pushEvents(scene.valkey.url, scene.queue, [eventFor("u_1", count)], "RPUSH");
  await eventually(() => receiver.requests.some((request) => numberOf(request) === count));
  await next.stop();

  // What was in flight hung, and is not sent again: it is lost.
  const numbers = receiver.requests.map(numberOf);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(delivered).toBeLessThan(count + 1);
  expect(await scene.redis.llen(scene.queue)).toBe(0);
});

test("SIGTERM ends the process with 0, loses no event and sends none twice", async () => {
  await using scene = await openScene();
  let ending: ServiceProcess | null = null;
  const receiver = scene.receiver(async (_request, index) => {
    if (index === COUNT / 4) ending?.signal("SIGTERM");
    // Others are in flight when the signal comes, and their answers come after it.
    await Bun.sleep(5);
    return noContent();
  });
  ending = await scene.serve();
  await register(ending, { user_id: "u_1", url: receiver.url });
  await scene.push(...upTo(COUNT).map((n) => eventFor("u_1", n)));
  expect(await ending.exited).toBe(0);
  expect(ending.lines.at(-1)).toMatchObject({ event: "service.stopped", put_back: 0 });
  expect(receiver.requests.length).toBeLessThan(COUNT);
  // It left, so nobody has to wait for the end of its lease.
  expect(await scene.redis.keys(`{${scene.queue}}:worker*`)).toEqual([]);

  const next = await scene.serve();
  await receiver.waitFor(COUNT, { withinMs: 20_000 });
  expect(await next.stop()).toBe(0);

  expect(receiver.requests.map(numberOf).toSorted((a, b) => a - b)).toEqual(upTo(COUNT));
});

test("after the grace period requests that hang are given back, and the next process sends them as another attempt", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver((_request, index) => (index === 0 ? hang() : noContent()));
  const env = { FLUXHOOK_SHUTDOWN_GRACE: "500ms" };
  const ending = await scene.serve(env);
  await register(ending, { user_id: "u_1", url: receiver.url, timeout_ms: 30_000 });
  await scene.push(eventFor("u_1"));
  await receiver.waitFor(1);
  expect(await ending.stop()).toBe(0);
  expect(ending.lines.at(-1)).toMatchObject({ event: "service.stopped", put_back: 1 });

  // Not by a takeover: that would have to wait for the end of a lease.
  const next = await scene.serve(env);
  const [first, second] = await receiver.waitFor(2, { withinMs: 5_000 });
  await next.stop();

  expect(receiver.requests).toHaveLength(2);
  expect(second?.text).toBe(first?.text ?? "");
  expect(second?.headers.get("webhook-id")).toBe(first?.headers.get("webhook-id") ?? "");
  expect(second?.headers.get("x-fluxdrop-delivery")).not.toBe(
    first?.headers.get("x-fluxdrop-delivery") ?? "",
  );
});

test("a second signal ends the process at once", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver(hang);
  const service = await scene.serve({ FLUXHOOK_SHUTDOWN_GRACE: "1h" });
  await register(service, { user_id: "u_1", url: receiver.url, timeout_ms: 30_000 });
  await scene.push(eventFor("u_1"));
  await receiver.waitFor(1);
  service.signal("SIGINT");
  await eventually(() => service.lines.some(({ event }) => event === "service.stopping"));
  service.signal("SIGINT");
  expect(await service.exited).toBe(1);
});
