// Accepting goes before running only while requests come too fast, and never for long.
import { describe, expect, test } from "bun:test";
import {
  AcceptFirst,
  BUSY_ACCEPTS,
  MAX_BEHIND,
  MAX_BEHIND_MS,
  MIN_FROM_LIST,
  TURN_MS,
} from "../../../src/inbound/run/accept-first.ts";
import { ListQuota } from "../../../src/worker/claim/list-quota.ts";
import { startReceiver } from "../../support/receiver.ts";
import { eventually } from "../../support/eventually.ts";
import { RunScene } from "./run-scene.ts";

const ROOM = 128;

function pacing() {
  const state = { accepts: BUSY_ACCEPTS, isAwaited: false, nowMs: 0 };
  const list = { length: 100, ageMs: 10 };
  const slots = { canServeQueue: () => false, servableWaiters: 0 };
  const size = new AcceptFirst(
    slots,
    { within: () => 1_000 },
    {
      accepts: () => state.accepts,
      isAwaited: () => state.isAwaited,
      list,
      now: () => state.nowMs,
    },
  );
  const claim = () => size.maxFromList([], new ListQuota(), ROOM);
  const isWorthAsking = (sinceMs: number) => size.isWorthAsking({ held: 0, room: ROOM }, sinceMs);
  return { state, list, claim, isWorthAsking };
}

describe("while requests come faster than they are stored", () => {
  test("a limited number of executions begins in each turn, and then in the next", () => {
    const { state, claim, isWorthAsking } = pacing();
    expect(claim()).toBe(MIN_FROM_LIST);
    expect(claim()).toBe(0);
    state.nowMs = TURN_MS - 1;
    expect(claim()).toBe(0);
    state.nowMs = TURN_MS;
    expect(isWorthAsking(0)).toBe(true);
    expect(claim()).toBe(MIN_FROM_LIST);
  });

  test("what is due is still looked for, but not at once again", () => {
    const { claim, isWorthAsking } = pacing();
    claim();
    expect([isWorthAsking(0), isWorthAsking(10)]).toEqual([false, true]);
  });
});

describe("executions have their full share", () => {
  const rows: [name: string, change: (one: ReturnType<typeof pacing>) => void][] = [
    ["while requests are stored as they come", ({ state }) => (state.accepts = BUSY_ACCEPTS - 1)],
    ["while a request waits for the end of one", ({ state }) => (state.isAwaited = true)],
    ["when too many wait", ({ list }) => (list.length = MAX_BEHIND)],
    ["when one has waited too long", ({ list }) => (list.ageMs = MAX_BEHIND_MS)],
  ];
  for (const [name, change] of rows) {
    test(name, () => {
      const one = pacing();
      change(one);
      expect([one.claim(), one.claim(), one.isWorthAsking(0)]).toEqual([ROOM, ROOM, true]);
    });
  }
});

test("executions begin and end while a flood of requests lasts", async () => {
  const scene = await RunScene.open();
  const receiver = startReceiver();
  try {
    await scene.start();
    const id = await scene.workflow([{ id: "a", type: "http", url: receiver.url }]);
    const over = new AbortController();
    let accepted = 0;
    const flood = Array.from({ length: 64 }, async () => {
      while (!over.signal.aborted) {
        await scene.accept(id, { mode: "minimal" });
        accepted += 1;
      }
    });
    await eventually(() => receiver.requests.length >= 200, { withinMs: 20_000 });
    over.abort();
    await Promise.all(flood);
    // All that was accepted runs, each once.
    await eventually(() => receiver.requests.length === accepted, { withinMs: 60_000 });
    await eventually(async () => (await scene.redis.zcard(scene.keys.ended)) === accepted);
  } finally {
    await scene.close();
    await receiver.stop();
  }
}, 120_000);
