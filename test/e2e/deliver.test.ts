// From the list to the receiver: every event once, in order, signed so that others accept it.
import { expect, test } from "bun:test";
import { numberOf, eventFor, openScene, register, verifyAll } from "../support/serve-scene.ts";
import { pushEvents } from "../support/push-events.ts";

const COUNT = process.env.FLUXHOOK_TEST_LONG === "1" ? 10_000 : 2_000;
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const events = upTo(COUNT).map((n) => eventFor("u_1", n));

test(
  "each event that another process pushes arrives once, signed",
  async () => {
    await using scene = await openScene();
    const receiver = scene.receiver();
    const service = await scene.serve();
    const { secret } = await register(service, { user_id: "u_1", url: receiver.url });

    await scene.push(...events);
    await receiver.waitFor(COUNT, { withinMs: 60_000 });
    // What was sent twice would be settled before a graceful end, and have arrived by then.
    expect(await service.stop()).toBe(0);

    const numbers = receiver.requests.map(numberOf).toSorted((a, b) => a - b);
    expect(numbers).toEqual(upTo(COUNT));
    for (const name of ["webhook-id", "x-fluxdrop-delivery"]) {
      const ids = new Set(receiver.requests.map(({ headers }) => headers.get(name)));
      expect(ids.size, name).toBe(COUNT);
    }
    for (const request of receiver.requests) verifyAll(request, secret);
  },
  { timeout: 90_000 },
);

test.each(["FLUXHOOK_CONCURRENCY", "FLUXHOOK_WEBHOOK_CONCURRENCY"])(
  "a webhook gets its events oldest first with %s=1",
  async (setting) => {
    await using scene = await openScene();
    const receiver = scene.receiver();
    const service = await scene.serve({ [setting]: "1" });
    await register(service, { user_id: "u_1", url: receiver.url });

    await scene.push(...events);
    await receiver.waitFor(COUNT, { withinMs: 60_000 });

    expect(receiver.requests.map(numberOf)).toEqual(upTo(COUNT));
  },
  { timeout: 90_000 },
);

test("events that were pushed before the start are delivered, the oldest first", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver();
  const earlier = await scene.serve();
  await register(earlier, { user_id: "u_1", url: receiver.url });
  await earlier.stop();
  await scene.push(...events.slice(0, 100));
  expect(await scene.redis.llen(scene.queue)).toBe(100);

  await scene.serve({ FLUXHOOK_CONCURRENCY: "1" });
  await receiver.waitFor(100);

  expect(receiver.requests.map(numberOf)).toEqual(upTo(100));
});

test("with FLUXHOOK_CLAIM=blpop, events pushed on the right arrive once, the oldest first", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver();
  const service = await scene.serve({ FLUXHOOK_CLAIM: "blpop", FLUXHOOK_CONCURRENCY: "1" });
  await register(service, { user_id: "u_1", url: receiver.url });

  await pushEvents(scene.valkey.url, scene.queue, events.slice(0, 500), "RPUSH");
  // One at a time: how long that takes is no part of what is claimed.
  await receiver.waitFor(500, { withinMs: 60_000 });
  await service.stop();

  expect(receiver.requests.map(numberOf)).toEqual(upTo(500));
});

test("every list that FLUXHOOK_QUEUE names is served, by its literal name", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver();
  const queues = [`${scene.prefix}-first`, `${scene.prefix}:{second}`, `${scene.prefix}-third`];
  const service = await scene.serve({ FLUXHOOK_QUEUE: queues.join(", ") });
  await register(service, { user_id: "u_1", url: receiver.url });

  for (const [n, queue] of queues.entries()) {
    await pushEvents(scene.valkey.url, queue, [eventFor("u_1", n), eventFor("u_1", n + 10)]);
  }
  await receiver.waitFor(6);

  expect(receiver.requests.map(numberOf).toSorted((a, b) => a - b)).toEqual([0, 1, 2, 10, 11, 12]);
});

test("lists are emptied in the order in which FLUXHOOK_QUEUE names them", async () => {
  await using scene = await openScene();
  const receiver = scene.receiver();
  const queues = [`${scene.prefix}-urgent`, `${scene.prefix}-bulk`] as const;
  const env = { FLUXHOOK_QUEUE: queues.join(), FLUXHOOK_CONCURRENCY: "1" };
  const earlier = await scene.serve(env);
  await register(earlier, { user_id: "u_1", url: receiver.url });
  await earlier.stop();
  await pushEvents(
    scene.valkey.url,
    queues[1],
    upTo(20).map((n) => eventFor("u_1", n + 20)),
  );
  await pushEvents(
    scene.valkey.url,
    queues[0],
    upTo(20).map((n) => eventFor("u_1", n)),
  );

  await scene.serve(env);
  await receiver.waitFor(40);

  expect(receiver.requests.map(numberOf)).toEqual(upTo(40));
});
