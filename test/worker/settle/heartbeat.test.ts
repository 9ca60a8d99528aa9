// Leases that are short, and heartbeats that the test gives or holds back.
import { expect, setSystemTime, test } from "bun:test";
import { Link } from "../../../src/valkey/connection/link.ts";
import type { Claimed } from "../../../src/valkey/queue/claimed.ts";
import { Heartbeat } from "../../../src/worker/settle/heartbeat.ts";
import { WakeUp } from "../../../src/worker/wake-up.ts";
import { eventually } from "../../support/eventually.ts";
import { useStops } from "../../support/use-opened.ts";
import { type TestQueue } from "../../valkey/queue/test-queue.ts";
import { useOwnLab } from "../../valkey/queue/use-lab.ts";
import { member, type TestMember } from "../test-member.ts";

const HEARTBEAT_MS = 10;

const { valkey, lab } = useOwnLab();

const afterTest = useStops();

interface Scene {
  queue: TestQueue;
  one: TestMember;
  link: Link;
  heartbeat: Heartbeat;
  works: number;
  beats: number;
}

async function start(
  leaseMs: number,
  {
    heartbeatMs = HEARTBEAT_MS,
    deadlineMs = 100,
    onBeat = () => {},
  }: {
    heartbeatMs?: number;
    deadlineMs?: number;
    onBeat?: (scene: Scene) => void | Promise<void>;
  } = {},
): Promise<Scene> {
  const queue = lab.queue();
  const scene = { queue, works: 0, beats: 0 } as Scene;
  const link = new Link({
    url: valkey.url,
    name: "heartbeat",
    deadlineMs,
  }).open();
  scene.link = link;
  scene.one = member(queue, link);
  const claimer = new WakeUp();
  claimer.notify = () => void (scene.works += 1);
  scene.heartbeat = new Heartbeat({
    queues: [scene.one.claims],
    link,
    claimer,
    due: new WakeUp(),
    upkeep: {
      async run() {
        scene.beats += 1;
        await onBeat(scene);
      },
    },
    log: scene.one.log,
    leaseMs,
    heartbeatMs,
  });
  scene.heartbeat.start();
  afterTest(async () => {
    link.close();
    await scene.heartbeat.stop();
  });
  await eventually(() => scene.one.claims.worker !== null);
  return scene;
}

/** Counts how often the claimer is notified from the upkeep of the heartbeat before `event` to that of the one after. */
function notificationsAround(event: string) {
  const beats: { works: number; isLogged: boolean }[] = [];
  const firstLogged = () => beats.findIndex(({ isLogged }) => isLogged);
  return {
    onBeat: ({ works, one }: Scene) => {
      beats.push({ works, isLogged: one.log.of(event).length > 0 });
    },
    count: async () => {
      await eventually(() => firstLogged() > 0);
      const at = firstLogged();
      return beats[at]!.works - beats[at - 1]!.works;
    },
  };
}

/** Two more heartbeats, the second of which began after now. */
const beatsOn = async (scene: Scene) => {
  const { beats } = scene;
  await eventually(() => scene.beats >= beats + 2);
};

test("a worker joins, logs that, and stays known by its heartbeats", async () => {
  const scene = await start(200);
  const worker = scene.one.claims.worker!;
  expect(scene.works).toBe(1);
  expect(scene.one.log.of("worker.joined")).toEqual([{ queue: scene.queue.store.queue, worker }]);
  await scene.queue.expireLease(worker);
  await beatsOn(scene);
  expect(await scene.queue.store.takeOver(worker, 1_000)).toBeNull();
  expect(scene.one.claims.worker).toBe(worker);
});

test("a heartbeat notifies the claimer of work that nobody announced, wherever it waits, and only of that", async () => {
  const scene = await start(60_000);
  const { keys } = scene.queue.store;
  const { redis } = lab;
  await redis.zadd(keys.schedule, Date.now() + 3_600_000, "d1");
  await beatsOn(scene);
  expect(scene.works).toBe(1);
  const places: [string, () => Promise<unknown>][] = [
    [keys.queue, () => redis.lpush(keys.queue, "e")],
    [keys.next, () => redis.lpush(keys.next, "e")],
    [keys.ready, () => redis.lpush(keys.ready, "i")],
    [keys.lanes, () => redis.zadd(keys.lanes, 1, "wh_1")],
    [keys.schedule, () => redis.zadd(keys.schedule, 1, "d1")],
    // A key that holds something else: the claim reports it.
    [keys.schedule, () => redis.set(keys.schedule, "text")],
  ];
  for (const [key, put] of places) {
    await redis.del(key);
    await beatsOn(scene);
    const { works } = scene;
    await put();
    await eventually(() => scene.works > works);
    await redis.del(key);
  }
  await beatsOn(scene);
  const { works } = scene;
  await beatsOn(scene);
  expect(scene.works).toBe(works);
});

test("a worker takes over the claims of a dead worker, and of no live one", async () => {
  const around = notificationsAround("worker.taken_over");
  const scene = await start(100, { onBeat: around.onBeat });
  const { queue } = scene;
  await queue.join("dead", "alive");
  await queue.push("a", "b");
  await queue.claim("dead", { maxItems: 1 });
  await queue.claim("alive", { maxItems: 1 });
  await queue.expireLease("dead");
  await queue.expireLease("alive", -60_000);
  await eventually(() => scene.one.log.of("worker.taken_over").length > 0);
  expect(scene.one.log.of("worker.taken_over")).toEqual([
    { queue: queue.store.queue, worker: "dead", claims: 1 },
  ]);
  expect(await queue.places()).toEqual({ ready: ["a"], claims: ["b"] });
  // At once: not only by the next heartbeat, which finds them on the ready list.
  expect(await around.count()).toBe(1);
});

test("a worker declares nobody dead before it has run for one lease", async () => {
  // Longer than the test runs: whoever joins a system that was down finds everybody's lease run out.
  const scene = await start(60_000);
  await scene.queue.join("silent");
  await scene.queue.expireLease("silent", 120_000);
  await beatsOn(scene);
  expect(scene.one.log.of("worker.taken_over")).toEqual([]);
  expect(await scene.queue.store.beat("silent", { join: false, leaseMs: 1 })).toMatchObject({
    known: true,
  });
});

test("a worker declares nobody dead for one lease after an outage", async () => {
  const leaseMs = 600;
  const scene = await start(leaseMs);
  const { queue, link, one } = scene;
  // It has been steady for a lease: it may judge.
  await queue.join("first");
  await queue.expireLease("first");
  await eventually(() => one.log.of("worker.taken_over").length === 1);
  await queue.join("other");
  await queue.push("a");
  await queue.claim("other");

  valkey.signal("SIGSTOP");
  await eventually(() => !link.isUp);
  valkey.signal("SIGCONT");
  await lab.link.whenUp();
  // As after an outage longer than a lease: nobody could send a heartbeat.
  await queue.expireLease("other");
  await link.whenUp();
  const since = performance.now();
  await beatsOn(scene);
  const judgedEarly = one.log.of("worker.taken_over").length > 1;
  expect(judgedEarly && performance.now() - since < leaseMs).toBeFalse();

  // Whoever is silent for a lease after it is dead indeed.
  await eventually(() => one.log.of("worker.taken_over").length === 2);
  expect(performance.now() - since).toBeGreaterThan(leaseMs / 2);
  expect(await queue.places()).toEqual({ ready: ["a"] });
});

test("a worker that was declared dead joins under another id and forgets its claims", async () => {
  const scene = await start(60_000);
  const { queue, one } = scene;
  const before = one.claims.worker!;
  await queue.push("a");
  one.claims.hold(await queue.claim(before));
  one.claims.lanes.add("wh_1");
  one.claims.batch = 1;
  await queue.expireLease(before, 120_000);
  await queue.store.takeOver(before, 60_000);

  await eventually(() => one.claims.worker !== before && one.claims.worker !== null);

  expect(one.log.of("worker.lost")).toHaveLength(1);
  expect(one.claims).toMatchObject({ batch: 0 });
  expect(one.claims.held.size).toBe(0);
  expect(one.claims.lanes.size).toBe(0);
  const [again] = await queue.claim(one.claims.worker!);
  expect(again).toMatchObject({ crashes: 1, header: { claim: `${before}-1` } });
});

test("claims that a worker holds in Valkey and does not know of run again; those that it knows stay", async () => {
  const around = notificationsAround("claims.stranded");
  const scene = await start(60_000, { onBeat: around.onBeat });
  const { queue, one } = scene;
  const worker = one.claims.worker!;
  await queue.push("known", "stranded");
  const [known] = await queue.claim(worker);
  one.claims.hold([known!]);

  await eventually(() => one.log.of("claims.stranded").length > 0);

  expect(await queue.places()).toEqual({ claims: ["known"], ready: ["stranded"] });
  // At once by the audit, and by the next heartbeat, which finds it on the ready list.
  expect(await around.count()).toBe(2);
  const audited = scene.beats;
  await eventually(() => scene.beats > audited + 15);
  expect(one.log.of("claims.stranded")).toHaveLength(1);
});

test("a claim whose reply is on its way is not taken for stranded", async () => {
  let claim: Claimed | undefined;
  const scene = await start(60_000, {
    async onBeat({ beats, queue, one }) {
      // Every fifth heartbeat ends with an audit: the first one does not know the claim.
      if (beats === 2) {
        await queue.push("a");
        [claim] = await queue.claim(one.claims.worker!);
      }
      if (beats === 9) one.claims.hold([claim!]);
    },
  });
  await eventually(() => scene.beats > 20);
  expect(claim).toBeDefined();
  expect(scene.one.log.of("claims.stranded")).toEqual([]);
  expect(await scene.queue.places()).toEqual({ claims: ["a"] });
});

test("stop waits for the heartbeat in progress and for no other", async () => {
  const stopped = Promise.withResolvers<void>();
  const scene = await start(60_000, {
    heartbeatMs: 3_600_000,
    onBeat: ({ heartbeat }) => stopped.resolve(heartbeat.stop()),
  });
  await stopped.promise;
  expect(scene.beats).toBe(1);
});

test("a worker that was suspended for longer than a lease takes nobody over before it was healthy for one lease", async () => {
  const leaseMs = 400;
  const scene = await start(leaseMs, { deadlineMs: 5_000 });
  const { queue, one } = scene;
  await queue.join("first");
  await queue.expireLease("first");
  await eventually(() => one.log.of("worker.taken_over").length === 1);
  await queue.join("other");

  // The wall clock goes on while a machine is suspended, and with it everybody's lease runs out.
  const resumedAt = performance.now();
  setSystemTime(Date.now() + 60_000);
  afterTest(() => setSystemTime());
  await queue.expireLease("other");

  // It is taken over in the end: nobody renews its lease. The guard is that this comes a lease later.
  await eventually(() => one.log.of("worker.taken_over").length === 2);
  expect(performance.now() - resumedAt).toBeGreaterThanOrEqual(leaseMs);
});

test("claims that cannot be taken over delay no heartbeat, and are taken over after the repair", async () => {
  const scene = await start(100);
  const { queue, one } = scene;
  const { ready } = queue.store.keys;
  await queue.join("dead");
  await queue.push("a");
  await queue.claim("dead");
  await lab.redis.set(ready, "no list");
  await queue.expireLease("dead");
  await eventually(() => one.log.of("takeover.failed").length > 2);
  expect(String(one.log.of("takeover.failed")[0]?.err)).toContain(`the key ${ready} is a string`);
  const { beats } = scene;
  await eventually(() => scene.beats > beats);
  await lab.redis.del(ready);
  await eventually(async () => expect(await queue.places()).toEqual({ ready: ["a"] }));
});
