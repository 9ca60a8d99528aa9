import { afterAll, beforeAll, expect, test } from "bun:test";
import { LiveStore } from "../../../src/valkey/history/live-store.ts";
import { sharedKeys } from "../../../src/valkey/keys.ts";
import { deliveryHeader, QueueLab } from "../queue/test-queue.ts";

const LEASE_MS = 10_000;

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

test("a worker is taken over only after its lease has run out, and only once", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b");
  await queue.claim("w");
  await queue.expireLease("w", LEASE_MS - 5_000);
  const alive = await queue.dump();
  expect(await queue.store.takeOver("w", LEASE_MS)).toBeNull();
  expect(await queue.dump()).toEqual(alive);

  await queue.expireLease("w", LEASE_MS + 1_000);
  expect(await queue.store.takeOver("w", LEASE_MS)).toBe(2);
  expect(await queue.places()).toEqual({ ready: ["a", "b"] });
  expect(await queue.store.takeOver("w", LEASE_MS)).toBeNull();
  expect(await queue.places()).toEqual({ ready: ["a", "b"] });
});

test("claims that are taken over run next, in order, with the same ids and one crash more", async () => {
  const queue = lab.queue();
  await queue.join("w", "heir");
  const elements = Array.from({ length: 12 }, (_, i) => `e${i}`);
  await queue.push(...elements, "fan", "list");
  const claims = await queue.claim("w", { maxItems: 12 });
  const fan = await queue.claimOne("w");
  await queue.settle(fan, {
    verb: "fan",
    event: "e",
    headers: [deliveryHeader("d1"), deliveryHeader("d2")],
  });
  await queue.expireLease("w");

  await queue.store.takeOver("w", LEASE_MS);

  const items = await queue.claim("heir");
  const crashed = claims.map((claim) => ({
    ...claim,
    worker: "heir",
    crashes: 1,
    source: "ready" as const,
  }));
  expect(items.slice(0, 12)).toEqual(crashed);
  expect(items.slice(12).map(({ source, crashes }) => [source, crashes])).toEqual([
    ["ready", 0],
    ["ready", 0],
    ["list", 0],
  ]);
});

test("each takeover counts as a crash, but a worker that leaves does not", async () => {
  const queue = lab.queue();
  await queue.push("a");
  const crashes: number[] = [];
  for (const [i, how] of ["dies", "leaves", "dies"].entries()) {
    const worker = `w${i}`;
    await queue.join(worker);
    crashes.push((await queue.claimOne(worker)).crashes);
    if (how === "dies") {
      await queue.expireLease(worker);
      await queue.store.takeOver(worker, LEASE_MS);
    } else expect(await queue.store.leave(worker)).toBe(1);
  }
  await queue.join("heir");
  crashes.push((await queue.claimOne("heir")).crashes);
  expect(crashes).toEqual([0, 1, 1, 2]);
});

test("a worker that has left is unknown, and no key of it remains", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a");
  await queue.claim("w");
  await queue.store.leave("w");
  expect(await queue.store.beat("w", { join: false, leaseMs: LEASE_MS })).toMatchObject({
    known: false,
  });
  expect(await queue.keysLike(":worker*")).toEqual([]);
  expect(await queue.keysLike(":claims:*")).toEqual([]);
});

test("only the stranded claims of a living worker are requeued", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.push("a", "b", "c");
  const [a, b, c] = await queue.claim("w");
  expect(await queue.store.heldBy("w")).toEqual([a!.number, b!.number, c!.number]);

  expect(await queue.store.abandonLost("w", [c!.number, a!.number, "99"])).toBe(2);

  expect(await queue.places()).toEqual({ ready: ["a", "c"], claims: ["b"] });
  expect(await queue.settle(a!, { verb: "done", ending: "delivered" })).toBeFalse();
  expect(await queue.settle(b!, { verb: "done", ending: "delivered" })).toBeTrue();
  expect((await queue.claim("w")).map((item) => item.crashes)).toEqual([1, 1]);
});

test("a heartbeat returns the workers whose lease has run out; a worker that was declared dead is unknown", async () => {
  const queue = lab.queue();
  await queue.join("w", "late", "dead");
  await queue.expireLease("late", LEASE_MS - 5_000);
  await queue.expireLease("dead", LEASE_MS + 1_000);
  expect(await queue.store.beat("w", { join: false, leaseMs: LEASE_MS })).toEqual({
    known: true,
    dead: ["dead"],
    watched: false,
    hasWork: false,
  });

  await queue.store.takeOver("dead", LEASE_MS);
  const late = await queue.store.beat("dead", { join: false, leaseMs: LEASE_MS });
  expect(late).toEqual({ known: false, dead: [], watched: false, hasWork: false });
  expect(await queue.ask("dead")).toEqual({ kind: "unknown-worker" });
});

test("a heartbeat returns whether somebody looks at the stream of attempts", async () => {
  const queue = lab.queue();
  await queue.join("w");
  const beat = () => queue.store.beat("w", { join: false, leaseMs: LEASE_MS });
  expect(await beat()).toMatchObject({ watched: false, hasWork: false });
  const queues = { attempts: [queue.store.queue], executions: [] };
  await new LiveStore(lab.link, sharedKeys("any"), queues).renew("attempts");
  expect(await beat()).toMatchObject({ watched: true });
});

test("a heartbeat renews the lease", async () => {
  const queue = lab.queue();
  await queue.join("w");
  await queue.expireLease("w");
  await queue.store.beat("w", { join: false, leaseMs: LEASE_MS });
  expect(await queue.store.takeOver("w", LEASE_MS)).toBeNull();
});
