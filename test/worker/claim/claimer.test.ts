// The claimer on a real queue: what it asks for, when it sleeps, what wakes it.
import type { WebhookId } from "../../../src/wire/ids.ts";
import { describe, expect, test } from "bun:test";
import { Link } from "../../../src/valkey/connection/link.ts";
import { isDelivery } from "../../../src/valkey/queue/item.ts";
import type { Claimed } from "../../../src/valkey/queue/claimed.ts";
import { Claimer } from "../../../src/worker/claim/claimer.ts";
import { Slots, type Slot } from "../../../src/worker/run/slots.ts";
import { PauseStore } from "../../../src/valkey/queue/pause-store.ts";
import { BatchSize, MAX_BYTES_IN_BATCH } from "../../../src/worker/claim/batch-size.ts";
import { ListState } from "../../../src/worker/claim/list-state.ts";
import { WakeUp } from "../../../src/worker/wake-up.ts";
import { eventually } from "../../support/eventually.ts";
import { useStops } from "../../support/use-opened.ts";
import { CUT, deliveryHeader, type TestQueue } from "../../valkey/queue/test-queue.ts";
import { useOwnLab } from "../../valkey/queue/use-lab.ts";
import { member, type TestMember } from "../test-member.ts";

const { valkey, lab } = useOwnLab();

const afterTest = useStops();

interface Scene {
  claimer: Claimer;
  wake: () => void;
  lists: ListState[];
  link: Link;
  queues: TestQueue[];
  members: TestMember[];
  slots: Slots;
  items: { claim: Claimed; slot: Slot | null }[];
  room: number;
  /** What is soon got through. */
  soon: number;
  /** Items of each. */
  batches: number[];
  gone: number;
  listWaits: number;
  problems: string[];
}

interface Options {
  queues?: TestQueue[];
  room?: number;
  soon?: number;
  mode?: "safe" | "blpop";
  deadlineMs?: number;
  /** Webhooks whose lanes are known to have something. */
  lanes?: string[];
  /** Of the slots. */
  now?: () => number;
}

async function start(options: Options = {}): Promise<Scene> {
  const {
    queues = [lab.queue()],
    room = 100,
    soon = 100,
    mode = "safe",
    deadlineMs = 5_000,
  } = options;
  const link = new Link({ url: valkey.url, name: "claimer", deadlineMs }).open();
  await link.whenUp();
  const members = queues.map((queue) => member(queue, link));
  const scene = {
    queues,
    members,
    link,
    room,
    soon,
    batches: [],
    items: [],
    gone: 0,
    listWaits: 0,
    problems: [],
  } as unknown as Scene;
  const wakeUp = new WakeUp();
  scene.wake = () => wakeUp.notify();
  const heartbeatDue = new WakeUp();
  heartbeatDue.notify = () => void (scene.gone += 1);
  scene.slots = new Slots({
    concurrency: 100,
    webhookConcurrency: 64,
    now: options.now,
    lanes: {
      has: (webhookId) => members.some(({ claims }) => claims.lanes.has(webhookId)),
      get size() {
        return members.reduce((sum, { claims }) => sum + claims.lanes.size, 0);
      },
    },
    wakeUp,
  });
  scene.lists = queues.map(() => new ListState());
  scene.claimer = new Claimer({
    queues: members.map(({ claims }, i) => ({
      claims,
      list: scene.lists[i]!,
      next: { watchOnce: () => void (scene.listWaits += 1) },
    })),
    mode,
    capacity: {
      held: 0,
      isWanted: true,
      get room() {
        return scene.room;
      },
    },
    slots: scene.slots,
    batchSize: new BatchSize(scene.slots, { within: () => scene.soon }),
    cut: CUT,
    keyProblems: { report: (_, problems) => void scene.problems.push(...problems) },
    wakeUp,
    heartbeatDue,
    link,
    log: members[0]!.log,
  });
  for (const [i, queue] of queues.entries()) {
    await queue.join(`w${i}`);
    members[i]!.claims.joined(`w${i}`);
    for (const webhookId of options.lanes ?? []) members[i]!.claims.lanes.add(webhookId);
  }
  const running = (async () => {
    for await (const { items } of scene.claimer.batches()) {
      scene.room -= items.length;
      scene.items.push(...items);
      scene.batches.push(items.length);
    }
  })();
  afterTest(async () => {
    scene.claimer.stop();
    link.close();
    scene.slots.refuseAll();
    await running;
  });
  return scene;
}

const claimed = (scene: Scene) => scene.items.map(({ claim }) => String(claim.bytes));

test("the claimer claims waiting elements, the oldest first, and holds them", async () => {
  const queue = lab.queue();
  await queue.push("a", "b", "c");
  const scene = await start({ queues: [queue] });
  await eventually(() => scene.items.length === 3);
  expect(claimed(scene)).toEqual(["a", "b", "c"]);
  expect([...scene.members[0]!.claims.held.keys()]).toEqual(["1", "2", "3"]);
});

describe("the claimer takes ready deliveries and nothing from the list", () => {
  /** Keeps pace, has no slot free, and `waiting` wait for one. */
  async function busy(waiting: number) {
    const queue = lab.queue();
    // By a clock that stands still nobody gives up waiting.
    const scene = await start({ queues: [queue], room: 0, now: () => 1_000 });
    const { slots } = scene;
    for (let n = 0; n < 200; n += 1) slots.finish(slots.take("wh_1")!, "success");
    while (slots.take("wh_1")) {}
    for (let n = 0; n < waiting; n += 1) void slots.wait("wh_1", () => {});
    await queue.push("a");
    await lab.redis.lpush(
      queue.store.keys.ready,
      `0 e ${JSON.stringify(deliveryHeader("d1"))}\nredelivered`,
    );
    return scene;
  }

  test("while 128 deliveries wait for webhooks that keep pace", async () => {
    const scene = await busy(128);
    scene.room = 100;
    scene.wake();
    await eventually(() => scene.items.length > 0);
    expect(claimed(scene)).toEqual(["redelivered"]);
    scene.slots.refuseAll();
    await eventually(() => scene.items.length === 2);
    expect(claimed(scene)).toEqual(["redelivered", "a"]);
  });

  test("except the list's share, while such a webhook has a lane", async () => {
    const scene = await busy(0);
    const { quota } = scene.lists[0]!;
    scene.members[0]!.claims.lanes.add("wh_1");
    quota.allow = () => 0;
    scene.room = 100;
    scene.wake();
    await eventually(() => scene.items.length > 0);
    expect(claimed(scene)).toEqual(["redelivered"]);
    await scene.queues[0]!.push("b");
    const shares = [1];
    quota.allow = () => shares.pop() ?? 0;
    await eventually(() => scene.items.length > 1);
    expect(claimed(scene)).toEqual(["redelivered", "a"]);
  });
});

test("the claimer takes no more from the list than will soon be finished, but always a few", async () => {
  const queue = lab.queue();
  await queue.push(...Array.from({ length: 100 }, (_, n) => `${n}`));
  const scene = await start({ queues: [queue], room: 200, soon: 40 });
  await eventually(() => scene.batches.length === 3);
  expect(scene.batches).toEqual([40, 40, 20]);

  scene.soon = 0;
  await queue.push(...Array.from({ length: 40 }, (_, n) => `${n}`));
  scene.wake();
  await eventually(() => scene.batches.length === 5);
  expect(scene.batches.slice(3)).toEqual([32, 8]);
});

test("the claimer watches an empty list and is woken by the next element", async () => {
  const scene = await start();
  await eventually(() => scene.listWaits > 0);
  await scene.queues[0]!.push("a");
  scene.wake();
  await eventually(() => scene.items.length === 1);
});

test("the claimer claims no more than there is room for, and goes on when there is room again", async () => {
  const queue = lab.queue();
  await queue.push("a", "b", "c", "d", "e");
  const scene = await start({ queues: [queue], room: 2 });
  await eventually(() => scene.items.length === 2);
  // A later request, of somebody else, has been answered: the claimer had its turn.
  await queue.store.heldBy("w0");
  expect(await queue.list()).toEqual(["c", "d", "e"]);
  scene.room = 2;
  scene.wake();
  await eventually(() => scene.items.length === 4);
  expect(await queue.list()).toEqual(["e"]);
});

test("the claimer empties several lists in their order", async () => {
  const queues = [lab.queue(), lab.queue()];
  await queues[0]!.push("first 1", "first 2");
  await queues[1]!.push("second 1", "second 2");
  const scene = await start({ queues, room: 3 });
  await eventually(() => scene.items.length === 3);
  expect(claimed(scene)).toEqual(["first 1", "first 2", "second 1"]);
});

test("a lost reply strands no claim, because the claimer asks for the same batch number again", async () => {
  const queue = lab.queue();
  const scene = await start({ queues: [queue], deadlineMs: 100 });
  await eventually(() => scene.listWaits > 0);
  await queue.push("a", "b");
  // The request reaches the socket of a server that stands still: it is run later, for nobody.
  valkey.signal("SIGSTOP");
  scene.wake();
  await eventually(() => !scene.link.isUp);
  valkey.signal("SIGCONT");

  await eventually(() => scene.items.length === 2);
  expect(claimed(scene)).toEqual(["a", "b"]);
  const { claims } = scene.members[0]!;
  await queue.push("c");
  scene.wake();
  await eventually(() => scene.items.length === 3);
  expect([...claims.held.keys()].toSorted()).toEqual((await queue.store.heldBy("w0")).toSorted());
});

test("a batch number that was given up meanwhile does not end the claiming", async () => {
  const queue = lab.queue();
  await queue.join("w0");
  await queue.push("a");
  await queue.claim("w0", { number: 1 });
  await queue.store.abandonLost("w0", ["1"]);
  const scene = await start({ queues: [queue] });
  await eventually(() => scene.items.length === 1);
  expect(scene.items[0]?.claim).toMatchObject({ crashes: 1, source: "ready" });
  expect(scene.members[0]!.claims.batch).toBe(2);
});

test("a claimer whose worker was declared dead reports that and claims nothing until it has joined again", async () => {
  const queue = lab.queue();
  const scene = await start({ queues: [queue] });
  await eventually(() => scene.listWaits > 0);
  await queue.store.leave("w0");
  scene.wake();
  await eventually(() => scene.gone === 1);
  await queue.push("a");
  await queue.join("w-anew");
  scene.members[0]!.claims.joined("w-anew");
  scene.wake();
  await eventually(() => scene.items.length === 1);
  expect(scene.gone).toBe(1);
  expect(scene.items[0]?.claim.worker).toBe("w-anew");
});

/** Puts deliveries into the lane of a webhook. */
async function fillLane(
  queue: TestQueue,
  webhookId: WebhookId,
  ...elements: string[]
): Promise<void> {
  await queue.join("other");
  await queue.push(...elements);
  for (const [i, claim] of (await queue.claim("other")).entries()) {
    const delivery = `${webhookId}-${i}`;
    await queue.settle(claim, {
      verb: "lane",
      webhookId,
      header: deliveryHeader(delivery, { webhook_id: webhookId }),
    });
  }
  await queue.store.leave("other");
}

test("deliveries leave a lane only with a slot of their webhook, and the rest waits", async () => {
  const queue = lab.queue();
  const elements = Array.from({ length: 10 }, (_, i) => `e${i}`);
  await fillLane(queue, "wh_1", ...elements);
  const scene = await start({ queues: [queue] });
  await eventually(() => scene.items.length === 8, { withinMs: 5_000 });
  expect(claimed(scene)).toEqual(elements.slice(0, 8));
  expect(scene.items.every(({ slot }) => slot?.webhookId === "wh_1")).toBeTrue();
  expect(await queue.places()).toMatchObject({ lane: ["e8", "e9"] });

  for (const { slot } of scene.items.slice(0, 3)) scene.slots.finish(slot!, "neutral");
  await eventually(() => scene.items.length === 10);
  expect(claimed(scene).slice(8)).toEqual(["e8", "e9"]);
  // The slot that was kept for a third one is free again, and nobody asks for the lane any more.
  await eventually(() => scene.members[0]!.claims.lanes.size === 0);
  await eventually(() => scene.slots.free("wh_1") === 1);
});

test("a lane that a reply names is asked at once, also where another one was emptied by it", async () => {
  const queue = lab.queue();
  await fillLane(queue, "wh_1", "a");
  await fillLane(queue, "wh_2", "b");
  const scene = await start({ queues: [queue], room: 0 });
  for (const id of ["wh_1", "wh_2"]) scene.slots.finish(scene.slots.take(id)!, "success");
  scene.members[0]!.claims.lanes.add("wh_1");
  scene.room = 100;
  scene.wake();
  await eventually(() => scene.items.length === 2, { withinMs: 5_000 });
  expect(claimed(scene)).toEqual(["a", "b"]);
});

test("more lanes than one batch can ask are all asked, without another wake-up", async () => {
  const queue = lab.queue();
  const webhooks = Array.from({ length: 70 }, (_, i): WebhookId => `wh_${i}`);
  for (const webhook of webhooks) await fillLane(queue, webhook, webhook);
  const scene = await start({ queues: [queue], lanes: webhooks, room: 0 });
  for (const id of webhooks) scene.slots.finish(scene.slots.take(id)!, "success");
  scene.room = 100;
  scene.wake();
  await eventually(() => scene.items.length === webhooks.length, { withinMs: 5_000 });
  expect(claimed(scene).toSorted()).toEqual(webhooks.toSorted());
});

test("a batch that the headers of its items fill says nothing about lanes that it had no room for", async () => {
  const queue = lab.queue();
  const scene = await start({ queues: [queue] });
  await eventually(() => scene.listWaits > 0);
  const almostFull = Array.from({ length: 8 }, (_, i) =>
    `${i}`.padEnd(MAX_BYTES_IN_BATCH / 8, "x"),
  );
  almostFull[7] = "7".padEnd(MAX_BYTES_IN_BATCH / 8 - 100, "x");
  await fillLane(queue, "wh_1", ...almostFull);
  await fillLane(queue, "wh_2", "behind");
  for (const id of ["wh_1", "wh_2"]) scene.members[0]!.claims.lanes.add(id);
  scene.wake();
  await eventually(() => scene.items.length === 9, { withinMs: 5_000 });
  expect(claimed(scene)).toEqual([...almostFull, "behind"]);
});

test("the slots reserved for a lane are released when the claim meets an outage", async () => {
  const queue = lab.queue();
  const scene = await start({ queues: [queue], deadlineMs: 100 });
  await eventually(() => scene.listWaits > 0);
  valkey.signal("SIGSTOP");
  scene.members[0]!.claims.lanes.add("wh_1");
  scene.wake();
  await eventually(() => scene.slots.free("wh_1") === 0);
  await eventually(() => !scene.link.isUp);
  await eventually(() => scene.slots.free("wh_1") === 8);
  valkey.signal("SIGCONT");
  await scene.link.whenUp();
});

test("a pause that another worker was asked for is obeyed by this one too", async () => {
  const queue = lab.queue();
  await new PauseStore(lab.link, [queue.store.queue]).pause("wh_1", 60_000);
  const scene = await start({ queues: [queue] });
  await eventually(() => scene.slots.free("wh_1") === 0);
  expect(scene.slots.free("wh_2")).toBe(8);
});

test("a pause that comes with a batch of the webhook's lane holds for that batch too", async () => {
  const queue = lab.queue();
  await fillLane(queue, "wh_1", "a", "b");
  await new PauseStore(lab.link, [queue.store.queue]).pause("wh_1", 60_000);
  const scene = await start({ queues: [queue], lanes: ["wh_1"] });
  await eventually(() => scene.items.length === 2);
  expect(scene.items.map(({ slot }) => slot)).toEqual([null, null]);
});

test("blpop takes from the left at most once, and only stored deliveries are claimed safely", async () => {
  const queue = lab.queue();
  await queue.push("right", "left");
  const scene = await start({ queues: [queue], mode: "blpop", room: 1 });
  await eventually(() => scene.items.length === 1);
  expect(scene.items[0]?.claim).toMatchObject({ worker: null, number: "", source: "list" });
  expect(claimed(scene)).toEqual(["left"]);
  expect(await queue.places()).toEqual({ list: ["right"] });

  await lab.redis.lpush(
    queue.store.keys.ready,
    `0 e ${JSON.stringify(deliveryHeader("d1"))}\nstored`,
  );
  scene.room = 2;
  scene.wake();
  await eventually(() => scene.items.length === 3);
  expect(claimed(scene).slice(1)).toEqual(["stored", "right"]);
  expect(await queue.places()).toEqual({ claims: ["stored"] });
  const ids = scene.items.map(({ claim }) => !isDelivery(claim.header) && claim.header.claim);
  expect(ids[0]).not.toBe(ids[2]);
});

test("a queue key of another type is reported by name, and claimed from once it is repaired", async () => {
  const queue = lab.queue();
  await lab.redis.set(queue.store.queue, "no list");
  const scene = await start({ queues: [queue] });
  await eventually(() => scene.problems.length > 0);
  expect(scene.problems[0]).toBe(`the key ${queue.store.queue} is a string, not a list`);
  await lab.redis.del(queue.store.queue);
  await queue.push("a");
  await eventually(() => scene.items.length === 1);
});

test("a queue that cannot be claimed from does not delay the others", async () => {
  const [broken, well] = [lab.queue(), lab.queue()];
  const scene = await start({ queues: [broken, well] });
  // In one step: a claim between the two would find that its worker is not known.
  const { workers } = broken.store.keys;
  const saved = `${broken.store.queue}-saved`;
  await lab.redis.multi().rename(workers, saved).set(workers, "no sorted set").exec();
  await broken.push("late");
  await well.push("a", "b");
  scene.wake();
  await eventually(() => scene.items.length === 2);
  await eventually(() => scene.members[0]!.log.of("claim.failed").length > 0);
  expect(String(scene.members[0]!.log.of("claim.failed")[0]?.err)).toContain(
    `the key ${broken.store.keys.workers} is a string, not a zset`,
  );

  await lab.redis.rename(saved, workers);
  scene.wake();
  await eventually(() => scene.items.length === 3, { withinMs: 5_000 });
});
