// Guarantee 5, by the clock of the test.
import { afterEach, describe, expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { Slots, type Slot, type SlotResult } from "../../../src/worker/run/slots.ts";

let opened: Slots[] = [];
afterEach(() => {
  for (const slots of opened) slots.refuseAll();
  opened = [];
});

function open(options: { concurrency?: number; webhookConcurrency?: number } = {}) {
  const clock = { now: 1_000_000 };
  const freed: string[] = [];
  const told = { times: 0 };
  const slots = new Slots({
    concurrency: 1_024,
    webhookConcurrency: 64,
    ...options,
    now: () => clock.now,
    // Asked for each slot that is free and that nobody here waits for.
    lanes: { has: (webhookId) => freed.push(webhookId) > 0, size: 1 },
    wakeUp: { notify: () => void (told.times += 1) },
  });
  opened.push(slots);
  const takeAll = (webhookId: string) => {
    const taken: Slot[] = [];
    for (let slot = slots.take(webhookId); slot; slot = slots.take(webhookId)) taken.push(slot);
    return taken;
  };
  const run = (webhookId: string, ...results: SlotResult[]) => {
    for (const result of results) slots.finish(slots.take(webhookId)!, result);
  };
  return { slots, clock, freed, told, takeAll, run };
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

describe("the limit of a webhook", () => {
  test("is 8 at first", () => {
    const { takeAll, slots } = open();
    expect(slots.free("a")).toBe(8);
    expect(takeAll("a")).toHaveLength(8);
    expect(slots.free("a")).toBe(0);
    expect(takeAll("b")).toHaveLength(8);
  });

  test("is never above the setting", () => {
    const { takeAll, run } = open({ webhookConcurrency: 3 });
    expect(takeAll("a")).toHaveLength(3);
    run("b", ...times<SlotResult>(5, "success"));
    expect(takeAll("b")).toHaveLength(3);
  });

  test("grows by one with each success, up to the maximum", () => {
    const { slots, takeAll, run } = open();
    run("a", ...times<SlotResult>(10, "success"));
    expect(slots.free("a")).toBe(18);
    run("a", ...times<SlotResult>(100, "success"));
    expect(takeAll("a")).toHaveLength(64);
  });

  test("halves on an overload and is at least 1", () => {
    const { slots, run } = open();
    const limits = times(5, 0).map(() => {
      run("a", "overload");
      return slots.free("a");
    });
    expect(limits).toEqual([4, 2, 1, 1, 1]);
    run("a", "success");
    expect(slots.free("a")).toBe(2);
  });

  test("is unchanged by an answer that says nothing about the receiver's capacity", () => {
    const { slots, run } = open();
    run("a", "neutral", "neutral");
    expect(slots.free("a")).toBe(8);
  });

  test("counts what was in flight before it was halved", () => {
    const { slots, takeAll } = open();
    const [first, ...others] = takeAll("a");
    slots.finish(first!, "overload");
    expect(slots.free("a")).toBe(0);
    for (const slot of others.slice(0, 4)) slots.finish(slot, "neutral");
    expect(slots.free("a")).toBe(1);
  });
});

describe("webhooks without a recent success", () => {
  test("hold half of all slots together, so that the proven ones go on", () => {
    const { slots, takeAll, run } = open({ concurrency: 40 });
    run("good", "success");
    const dead = ["a", "b", "c", "d"].map((webhookId) => takeAll(webhookId).length);
    expect(dead).toEqual([8, 8, 4, 0]);
    expect(slots.free("good")).toBe(9);
  });

  test("include those whose last success is a minute old", () => {
    const { slots, clock, takeAll, run } = open({ concurrency: 16 });
    run("a", "success");
    takeAll("dead");
    expect(slots.free("a")).toBe(9);
    clock.now += 59_999;
    expect(slots.free("a")).toBe(9);
    clock.now += 1;
    expect(slots.free("a")).toBe(0);
  });

  test("give their share back, even if they succeeded meanwhile", () => {
    const { slots, takeAll } = open({ concurrency: 16 });
    for (const slot of takeAll("a")) slots.finish(slot, "success");
    expect(takeAll("b")).toHaveLength(8);
  });

  test("wake the claimer together when they free slots, the proven ones at once", async () => {
    const { slots, told, takeAll, run } = open();
    const [ofA, ofB] = [takeAll("a"), takeAll("b")];
    for (const slot of [...ofA, ...ofB]) slots.finish(slot, "overload");
    expect(told.times).toBe(0);
    await eventually(() => told.times > 0);
    expect(told.times).toBe(1);
    run("c", "success", "success");
    expect(told.times).toBe(3);
  });

  test("wake the claimer too if they were proven when their slot was taken", async () => {
    const { slots, clock, told, run } = open();
    run("a", "success");
    // At once for the webhook, and later for the share that its slot was of.
    await eventually(() => told.times === 2);
    clock.now += 59_999;
    const slot = slots.take("a")!;
    expect(slot.isUnproven).toBeFalse();
    clock.now += 1;
    told.times = 0;
    slots.finish(slot, "overload");
    await eventually(() => told.times === 1);
  });

  test("get at least one slot", () => {
    const { takeAll } = open({ concurrency: 1 });
    expect(takeAll("a")).toHaveLength(1);
    expect(takeAll("b")).toHaveLength(0);
  });
});

describe("a delivery that waits for a webhook that keeps pace", () => {
  /** Grown to 64, each success having held its slot for so long. */
  function grown(ms: number) {
    const scene = open();
    for (let n = 0; n < 200; n += 1) {
      const slot = scene.slots.take("a")!;
      scene.clock.now += ms;
      scene.slots.finish(slot, "success");
    }
    expect(scene.takeAll("a")).toHaveLength(64);
    for (let n = 0; n < 3; n += 1) void scene.slots.wait("a", () => {});
    return scene;
  }

  test("is counted; 128 of them find a slot in time at 10 ms each", () => {
    const { slots } = grown(9);
    expect(slots.canServeQueue("a")).toBeTrue();
    expect(slots.servableWaiters).toBe(3);
  });

  test("is counted by its quick requests, from when they began", () => {
    const { slots, clock } = grown(1);
    for (const slot of Array.from({ length: 20 }, () => slots.take("b")).filter(
      (one) => one !== null,
    )) {
      clock.now += 50;
      slots.begin(slot);
      clock.now += 1;
      slots.finish(slot, "success");
    }
    expect(slots.canServeQueue("b")).toBeTrue();
  });

  test("is not counted if the webhook is slower or has had no success", () => {
    const { slots, takeAll } = grown(11);
    expect(slots.canServeQueue("a")).toBeFalse();
    takeAll("new");
    void slots.wait("new", () => {});
    expect(slots.canServeQueue("new")).toBeFalse();
    expect(slots.canServeQueue("unknown")).toBeFalse();
    expect(slots.servableWaiters).toBe(0);
  });
});

describe("a delivery that finds no slot", () => {
  test("waits, and gets the next slot in the order of asking", async () => {
    const { slots, takeAll, freed, run } = open();
    run("a", ...times<SlotResult>(1, "success"));
    freed.length = 0;
    const taken = takeAll("a");
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (n) => {
      const slot = await slots.wait("a", () => {});
      order.push(n);
      return slot;
    });
    expect(slots.hasWaiters("a")).toBeTrue();
    expect(slots.hasWaiters("b")).toBeFalse();

    for (const slot of taken.slice(0, 3)) slots.finish(slot, "neutral");

    expect(await Promise.all(waiting)).toMatchObject(
      times(3, { webhookId: "a", isUnproven: false }),
    );
    expect(order).toEqual([1, 2, 3]);
    expect(slots.hasWaiters("a")).toBeFalse();
    // Told only when nobody here waits any more: then its lane may be asked.
    expect(freed).toEqual(["a"]);
    expect(slots.free("a")).toBe(0);
  });

  test("goes to the lane after 50 ms, with all that wait behind it", async () => {
    const { slots, clock, takeAll } = open();
    takeAll("a");
    const first = slots.wait("a", () => {});
    clock.now += 49;
    const second = slots.wait("a", () => {});
    const elsewhere = (takeAll("b"), slots.wait("b", () => {}));
    clock.now += 1;
    expect(await Promise.all([first, second])).toEqual([null, null]);
    expect(slots.hasWaiters("a")).toBeFalse();
    expect(slots.hasWaiters("b")).toBeTrue();
    clock.now += 49;
    expect(await elsewhere).toBeNull();
  });

  test("gets a slot of the unproven share that another webhook gave back", async () => {
    const { slots, takeAll } = open({ concurrency: 16 });
    const [slot] = takeAll("a");
    const waiting = slots.wait("b", () => {});
    slots.finish(slot!, "neutral");
    expect(await waiting).toMatchObject({ webhookId: "b", isUnproven: true });
  });

  test("is given back at once when the worker ends", async () => {
    const { slots, takeAll } = open();
    for (const webhookId of ["a", "b"]) takeAll(webhookId);
    const waiting = [
      slots.wait("a", () => {}),
      slots.wait("b", () => {}),
      slots.wait("a", () => {}),
    ];
    slots.refuseAll();
    expect(await Promise.all(waiting)).toEqual([null, null, null]);
  });
});

describe("a pause", () => {
  test("stops all requests until it is over, and moves waiting deliveries to the lane", async () => {
    const { slots, clock, takeAll } = open();
    const [slot] = takeAll("a");
    const waiting = slots.wait("a", () => {});
    slots.pause("a", 5_000);
    expect(await waiting).toBeNull();
    slots.finish(slot!, "neutral");
    expect(slots.take("a")).toBeNull();
    expect(await slots.wait("a", () => {})).toBeNull();
    expect(slots.free("b")).toBe(8);
    clock.now += 5_000;
    expect(slots.free("a")).toBe(1);
  });

  test("is not shortened by a later, shorter one, and ends when Valkey has none any more", () => {
    const { slots, clock } = open();
    slots.pause("a", 5_000);
    slots.pause("a", 1_000);
    clock.now += 2_000;
    expect(slots.free("a")).toBe(0);
    slots.setPauses([], false);
    expect(slots.free("a")).toBe(0);
    slots.setPauses([{ webhookId: "a", forMs: 1_000 }], true);
    expect(slots.free("a")).toBe(0);
    clock.now += 1_001;
    slots.setPauses([], true);
    expect(slots.free("a")).toBe(8);
  });

  test("that this worker started holds while it may still be on its way to Valkey", () => {
    const { slots, clock } = open();
    slots.pause("a", 5_000);
    slots.setPauses([], true);
    expect(slots.free("a")).toBe(0);
    clock.now += 1_001;
    slots.setPauses([], true);
    expect(slots.free("a")).toBe(8);
  });

  test("wakes the claimer when it is over, for its lane may have a slot now", async () => {
    const { slots, clock, told } = open();
    slots.pause("late", 60_000);
    slots.pause("a", 2);
    slots.pause("b", 1);
    clock.now += 1;
    await eventually(() => told.times === 1);
    clock.now += 1;
    await eventually(() => told.times === 2);
  });

  test("that is over at once wakes the claimer, and writes no warning among the log lines", async () => {
    const { slots, told } = open();
    const warned: Error[] = [];
    const onWarning = (warning: Error) => void warned.push(warning);
    process.on("warning", onWarning);
    slots.pause("a", -0.5);
    await eventually(() => told.times === 1);
    process.off("warning", onWarning);
    expect(warned).toEqual([]);
  });

  test("that another worker started is obeyed", () => {
    const { slots } = open();
    slots.setPauses([{ webhookId: "a", forMs: 1_000 }], true);
    expect(slots.take("a")).toBeNull();
  });
});

test("idle webhooks are forgotten, webhooks in flight or paused are not", () => {
  const { slots, clock, takeAll, run } = open({ concurrency: 100_000 });
  run("idle", "overload");
  run("strong", "success");
  run("paused", "overload");
  slots.pause("paused", 3_600_000);
  const busy = takeAll("busy");
  run("recent", "overload");
  for (let i = 0; i < 10_000; i++) run(`w${i}`, "neutral");
  clock.now += 5_001;
  run("some other", "neutral");
  // It had earned one more than at first; what was halved is remembered for longer.
  expect(slots.free("strong")).toBe(8);
  expect(slots.free("idle")).toBe(4);
  for (let i = 0; i < 10_000; i++) run(`w${i}`, "neutral");
  clock.now += 60_001;
  run("recent", "neutral");
  run("one more", "neutral");

  // A limit that was halved is forgotten with its webhook.
  expect(slots.free("idle")).toBe(8);
  expect(slots.free("recent")).toBe(4);
  expect(slots.free("busy")).toBe(0);
  slots.finish(busy[0]!, "neutral");
  expect(slots.free("busy")).toBe(1);
  clock.now += 1_001;
  slots.setPauses([], true);
  expect(slots.free("paused")).toBe(4);
});
