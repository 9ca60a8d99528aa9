// What a worker publishes for the stream of all owners, tick by tick.
import { afterEach, expect, test } from "bun:test";
import { readLive, type LiveBatch } from "../../../src/wire/live.ts";
import { LiveFeed } from "../../../src/worker/after/live-feed.ts";
import type { FinishedAttempt } from "../../../src/worker/job.ts";
import { eventually } from "../../support/eventually.ts";

const feeds: LiveFeed[] = [];
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.watch(false);
});

const TICKS_PER_SECOND = 10;

function open(publish = (_text: string): Promise<unknown> => Promise.resolve()) {
  const published: LiveBatch[] = [];
  const feed = new LiveFeed({
    publish: (text) => {
      published.push(readLive(text));
      return publish(text);
    },
  });
  feeds.push(feed);
  /** As the clock would, but without one. */
  const tick = async (times = 1) => {
    for (let n = 0; n < times; n += 1) {
      feed.tick();
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
    }
  };
  return { feed, published, tick };
}

function attempt(n: number, outcome: "delivered" | "retry" | "parked"): FinishedAttempt {
  const made = {
    job: {
      webhook: { record: { id: "wh_1" }, owner: "org:o_1" },
      header: { id: `evt_${n}`, attempt: 1 },
      event: { type: "file.created" },
    },
    deliveryId: `delivery-${n}`,
    attempt: {
      outcome: { outcome, reason: outcome === "delivered" ? null : "timeout", statusCode: null },
      startedAtMs: Date.UTC(2026, 0, 1),
      durationMs: 3,
      endpoint: "https://example.com/",
      redirectHost: null,
    },
  };
  if (outcome === "retry") Object.assign(made.attempt.outcome, { delayMs: 1_000 });
  return made as unknown as FinishedAttempt;
}

test("while somebody looks, each attempt is published with its owner; afterwards nothing is", async () => {
  const { feed, published } = open();
  expect(feed.isWatched).toBeFalse();
  feed.watch(true);
  feed.add(attempt(1, "delivered"));
  feed.add(attempt(2, "retry"));
  await eventually(() => published.length > 0);
  expect(published).toMatchObject([
    {
      counts: { delivered: 1, retry: 1, parked: 0 },
      attempts: [
        { delivery_id: "delivery-1", org_id: "o_1", event: "file.created", id: "evt_1" },
        { delivery_id: "delivery-2", outcome: "retry", reason: "timeout" },
      ],
    },
  ]);
  feed.add(attempt(3, "delivered"));
  feed.watch(false);
  await Bun.sleep(250);
  expect(published).toHaveLength(1);
});

test("a flood that begins is counted, and at most 200 attempts of its first second are shown", async () => {
  const { feed, published, tick } = open();
  feed.watch(true);
  for (let n = 0; n < 5_000; n += 1) feed.add(attempt(n, n % 10 === 0 ? "retry" : "delivered"));
  await tick();
  expect(published[0]?.counts).toEqual({ delivered: 4_500, retry: 500, parked: 0 });
  expect(published[0]?.attempts).toHaveLength(200);
});

test("of a flood, 100 failures and 100 successes of each second are shown, whichever come first", async () => {
  const { feed, published, tick } = open();
  feed.watch(true);
  const second = async () => {
    for (let n = 0; n < 4_000; n += 1) feed.add(attempt(n, "delivered"));
    for (let n = 0; n < 300; n += 1) feed.add(attempt(n, "parked"));
    await tick(TICKS_PER_SECOND);
  };
  await second();
  await second();
  const shown = published[1]?.attempts ?? [];
  expect(shown.filter(({ outcome }) => outcome === "parked")).toHaveLength(100);
  expect(shown.filter(({ outcome }) => outcome === "delivered")).toHaveLength(100);
  // Not the first 100: one in 40.
  expect(shown[1]?.delivery_id).toBe("delivery-79");
});

test("up to 200 attempts a second are all shown, also in the second after a flood", async () => {
  const { feed, published, tick } = open();
  feed.watch(true);
  for (let n = 0; n < 1_000; n += 1) feed.add(attempt(n, "delivered"));
  await tick(2 * TICKS_PER_SECOND);
  for (let n = 0; n < 200; n += 1) feed.add(attempt(n, n < 150 ? "retry" : "delivered"));
  await tick();
  expect(published.at(-1)?.attempts).toHaveLength(200);
});

test("while Valkey does not take them, at most 400 attempts wait, and the counts go on", async () => {
  const held = Promise.withResolvers<void>();
  const { feed, published, tick } = open(() => held.promise);
  feed.watch(true);
  feed.add(attempt(0, "delivered"));
  await tick(TICKS_PER_SECOND);
  for (let second = 0; second < 8; second += 1) {
    for (let n = 0; n < 1_000; n += 1) feed.add(attempt(n, n % 2 ? "retry" : "delivered"));
    await tick(TICKS_PER_SECOND);
  }
  expect(published).toHaveLength(1);
  held.reject(new Error("away"));
  await tick(2);
  expect(published).toHaveLength(2);
  expect(published[1]?.attempts).toHaveLength(400);
  expect(published[1]?.counts).toEqual({ delivered: 4_000, retry: 4_000, parked: 0 });
});
