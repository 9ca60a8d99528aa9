// Executions are durable: what was accepted ends, on whichever process, and what has finished is not run again.
import { describe, expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { hang, startReceiver, type Receiver, type Respond } from "../../support/receiver.ts";
import { outputsIn, useRunScenes } from "./run-scene.ts";

const { scene, afterTest } = useRunScenes();

function receiver(respond?: Respond): Receiver {
  const one = startReceiver(respond);
  afterTest(() => one.stop());
  return one;
}

const FAST = { leaseMs: 500, heartbeatMs: 100 };

describe("idempotency", () => {
  test("100 requests at once with one key begin one execution", async () => {
    const one = await scene();
    const id = await one.workflow([{ id: "a", type: "set", value: 1 }]);
    const idempotency = { key: "h:1", fingerprint: "f" };
    const all = await Promise.all(
      Array.from({ length: 100 }, () => one.accept(id, { idempotency })),
    );
    expect(new Set(all.map(({ executionId }) => executionId)).size).toBe(1);
    expect(all.filter((accepted) => accepted.kind === "accepted" && accepted.first)).toHaveLength(
      1,
    );
    const [first] = all;
    const other = { key: "h:1", fingerprint: "g" };
    expect(await one.accept(id, { idempotency: other })).toEqual({
      kind: "key-reused",
      executionId: first?.executionId ?? "",
    });
    // A replayed request waits for the first execution, also after its end.
    expect((await one.ended(first?.executionId ?? "")).kind).toBe("finished");
  });
});

describe("several processes", () => {
  test("one accepts and waits, another one runs", async () => {
    const one = await scene({}, 0);
    const waits = await one.start({ isRunning: false });
    await one.start();
    const id = await one.workflow([
      { id: "a", type: "set", value: "{{trigger.data.n}}" },
      { id: "b", type: "http", url: receiver().url },
    ]);
    const all = await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        const accepted = await one.accept(id, { body: `{"n":${n}}` }, waits);
        return outputsIn(await one.ended(accepted.executionId, 20_000, waits)).a;
      }),
    );
    expect(all).toEqual(Array.from({ length: 50 }, (_, n) => String(n)));
  });

  test("one that is killed in the middle of a node is taken over, and goes on from that node", async () => {
    const one = await scene(FAST, 0);
    const dead = await one.start();
    const first = receiver();
    const second = receiver((_, index) => (index === 0 ? hang() : new Response("ok")));
    const id = await one.workflow([
      { id: "a", type: "http", url: first.url },
      { id: "b", type: "http", url: second.url },
    ]);
    const accepted = await one.accept(id, {}, dead);
    await second.waitFor(1);
    // As a kill: its connection is gone, and nothing of it is returned.
    dead.link.close();
    const alive = await one.start();
    expect((await one.ended(accepted.executionId, 20_000, alive)).kind).toBe("finished");
    expect([first.requests.length, second.requests.length]).toEqual([1, 2]);
    expect(await one.redis.exists(one.queue.claims("x"))).toBe(0);
  });

  test("a process that stops returns what is in hand, without a crash", async () => {
    const one = await scene(FAST, 1);
    const api = receiver((_, index) => (index === 0 ? hang() : new Response("ok")));
    const id = await one.workflow([{ id: "a", type: "http", url: api.url }]);
    const accepted = await one.accept(id);
    await api.waitFor(1);
    await one.first.drain(50);
    const alive = await one.start();
    expect((await one.ended(accepted.executionId, 20_000, alive)).kind).toBe("finished");
    expect(api.requests).toHaveLength(2);
  });

  test("an execution whose worker ends five times is set aside", async () => {
    const one = await scene({}, 0);
    const id = await one.workflow([{ id: "a", type: "set", value: 1 }]);
    const waits = await one.start({ isRunning: false });
    const { executionId } = await one.accept(id, {}, waits);
    const [element = ""] = await one.redis.lrange(one.queue.queue, 0, -1);
    await one.redis.del(one.queue.queue);
    await one.redis.lpush(one.queue.ready, `5 e {"claim":"x-1","at":1}\n${element}`);
    await one.start();
    expect(await one.ended(executionId, 20_000, waits)).toMatchObject({
      kind: "failed",
      error: { node_id: null, code: "crashed-worker" },
    });
  });
});

describe("waiting", () => {
  test("ends with its time-out, and the execution goes on", async () => {
    const one = await scene();
    const release = Promise.withResolvers<void>();
    const api = receiver(() => release.promise.then(() => new Response("ok")));
    const id = await one.workflow([{ id: "a", type: "http", url: api.url }]);
    const { executionId } = await one.accept(id);
    expect(await one.ended(executionId, 50)).toEqual({ kind: "timed-out" });
    release.resolve();
    expect((await one.ended(executionId)).kind).toBe("finished");
  });

  test("ends when its caller leaves", async () => {
    const one = await scene();
    const api = receiver(hang);
    const id = await one.workflow([{ id: "a", type: "http", url: api.url }]);
    const { executionId } = await one.accept(id);
    const caller = new AbortController();
    const waiting = one.first.executions.waitFor(executionId, {
      timeoutMs: 60_000,
      signal: caller.signal,
    });
    caller.abort();
    expect(await waiting).toEqual({ kind: "timed-out" });
  });

  test("1,000 are all answered though the connection of the messages is cut again and again", async () => {
    const one = await scene({}, 0);
    const waits = await one.start({ isRunning: false });
    await one.start();
    const id = await one.workflow([{ id: "a", type: "http", url: receiver().url }]);
    const over = new AbortController();
    const cutting = (async () => {
      while (!over.signal.aborted) {
        await one.redis.call("CLIENT", "KILL", "TYPE", "pubsub");
        await Bun.sleep(20);
      }
    })();
    const all = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const { executionId } = await one.accept(id, {}, waits);
        return (await one.ended(executionId, 20_000, waits)).kind;
      }),
    );
    over.abort();
    await cutting;
    expect(all.filter((kind) => kind !== "finished")).toEqual([]);
  });
});

describe("workflows beside each other", () => {
  test("one that hangs stops no other", async () => {
    const one = await scene({ settings: { EXECUTION_CONCURRENCY: 32 } });
    const api = receiver(hang);
    const hangs = await one.workflow([{ id: "a", type: "http", url: api.url, timeout_ms: 60_000 }]);
    const works = await one.workflow([{ id: "a", type: "http", url: receiver().url }]);
    await Promise.all(Array.from({ length: 200 }, () => one.accept(hangs, { mode: "minimal" })));
    await api.waitFor(8);
    for (let nth = 0; nth < 20; nth += 1) {
      expect((await one.run(works)).waited.kind).toBe("finished");
    }
    expect(api.requests.length).toBeLessThanOrEqual(8);
    expect(await one.redis.zcard(one.queue.lanes)).toBe(1);
  });

  test("concurrency 1 runs executions one after the other, in order", async () => {
    const one = await scene();
    let running = 0;
    let most = 0;
    const api = receiver(async () => {
      most = Math.max(most, (running += 1));
      await Bun.sleep(5);
      running -= 1;
      return new Response("ok");
    });
    const id = await one.workflow([{ id: "a", type: "http", url: `${api.url}/{{trigger.data}}` }], {
      concurrency: 1,
    });
    const ids = [];
    for (let n = 0; n < 30; n += 1) ids.push((await one.accept(id, { body: `${n}` })).executionId);
    for (const executionId of ids) expect((await one.ended(executionId)).kind).toBe("finished");
    expect(most).toBe(1);
    const order = api.requests.map(({ path }) => Number(path.slice(1)));
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n));
  });

  test("a change and a deletion leave alone what is under way", async () => {
    const one = await scene();
    const release = Promise.withResolvers<void>();
    const api = receiver(() => release.promise.then(() => new Response("ok")));
    const id = await one.workflow([
      { id: "a", type: "http", url: api.url },
      { id: "b", type: "set", value: "old" },
    ]);
    const { executionId } = await one.accept(id);
    await api.waitFor(1);
    await one.change(id, [{ id: "b", type: "set", value: "new" }]);
    const next = await one.accept(id, { revision: 2 });
    expect(outputsIn(await one.ended(next.executionId))).toEqual({ b: '"new"' });
    await one.delete(id);
    release.resolve();
    expect(outputsIn(await one.ended(executionId)).b).toBe('"old"');
    // What no execution uses any more expires.
    expect(await one.redis.exists(one.keys.revisionUses)).toBe(0);
    expect(await one.redis.pttl(one.keys.revision(id, 1))).toBeGreaterThan(0);
    expect(await one.redis.pttl(one.keys.revision(id, 2))).toBeGreaterThan(0);
  });
});

describe("retry and cancel", () => {
  test("a retry goes on from the node that failed", async () => {
    const one = await scene();
    const first = receiver();
    const second = receiver((_, index) => new Response("x", { status: index === 0 ? 500 : 200 }));
    const id = await one.workflow([
      { id: "a", type: "http", url: first.url },
      { id: "b", type: "http", url: second.url },
    ]);
    const { id: executionId, waited } = await one.run(id);
    expect(waited.kind).toBe("failed");
    const uses = () => one.redis.exists(one.keys.revisionUses);
    expect(await uses()).toBe(0);
    expect(await one.first.control.retry(executionId)).toBe("retried");
    await eventually(async () => (await one.read(executionId)).state === "finished");
    expect([first.requests.length, second.requests.length]).toEqual([1, 2]);
    expect(await one.read(executionId)).toMatchObject({ error: null });
    expect(await one.first.control.retry(executionId)).toBe("finished");
    expect(await uses()).toBe(0);
    expect(await one.redis.zcard(one.keys.ended)).toBe(1);
  });

  test("a cancelled execution begins no further node", async () => {
    const one = await scene();
    const release = Promise.withResolvers<void>();
    const first = receiver(() => release.promise.then(() => new Response("ok")));
    const second = receiver();
    const id = await one.workflow([
      { id: "a", type: "http", url: first.url },
      { id: "b", type: "http", url: second.url },
    ]);
    const { executionId } = await one.accept(id);
    await first.waitFor(1);
    expect(await one.first.control.cancel(executionId)).toBe("cancelled");
    expect(await one.ended(executionId)).toEqual({ kind: "cancelled" });
    release.resolve();
    await eventually(async () => (await one.redis.hget(one.queue.stats, "cancelled")) === "1");
    expect(second.requests).toHaveLength(0);
    expect(await one.first.control.cancel(executionId)).toBe("was-cancelled");
    expect(await one.first.control.cancel(`exec-${"a".repeat(26)}`)).toBe("gone");
    expect(await one.first.control.retry(executionId)).toBe("retried");
    await eventually(async () => (await one.read(executionId)).state === "finished");
  });

  test("one that is cancelled and retried while a node runs goes on once", async () => {
    const one = await scene();
    const release = Promise.withResolvers<void>();
    const first = receiver(() => release.promise.then(() => new Response("ok")));
    const second = receiver();
    const id = await one.workflow([
      { id: "a", type: "http", url: first.url },
      { id: "b", type: "http", url: second.url },
    ]);
    const { executionId } = await one.accept(id);
    await first.waitFor(1);
    expect(await one.first.control.cancel(executionId)).toBe("cancelled");
    expect(await one.first.control.retry(executionId)).toBe("retried");
    await first.waitFor(2);
    release.resolve();
    await eventually(async () => (await one.read(executionId)).state === "finished");
    // The run that was cancelled has ended too.
    await eventually(async () => (await one.redis.hget(one.queue.stats, "stale")) === "1");
    expect(second.requests).toHaveLength(1);
  });

  test("one that ended is kept as long as its workflow's TTL says, and not longer than the caps allow", async () => {
    const one = await scene({ limits: { maxExecutions: 5 } });
    const id = await one.workflow([{ id: "a", type: "set", value: 1 }]);
    const endedMs = new Map<string, number>();
    for (let nth = 0; nth < 12; nth += 1) {
      const { id: executionId } = await one.run(id);
      endedMs.set(executionId, Date.parse((await one.read(executionId)).ended_at ?? ""));
    }
    const unended = (await one.accept(await one.workflow([{ id: "t", type: "task", task: "t" }])))
      .executionId;
    expect((await one.store.sweep()).capped).toBeGreaterThanOrEqual(0);
    const page = await one.first.control.list({
      workflowId: null,
      state: null,
      after: null,
      limit: 100,
    });
    const [newest, ...kept] = page.executions.map((execution) => execution.id);
    expect(newest).toBe(unended);
    expect(kept).toHaveLength(5);
    // Several may have ended in the same millisecond.
    const [, , , , fifth = 0] = [...endedMs.values()].toSorted((a, b) => b - a);
    for (const executionId of kept) expect(endedMs.get(executionId)).toBeGreaterThanOrEqual(fifth);
    const keys = await one.redis.keys(`${one.queue.base}:x:*`);
    expect(keys).toHaveLength(6);
    const [statsBytes, bytes] = [
      Number(await one.redis.hget(one.keys.stats, "ended_bytes")),
      (await one.redis.zrange(one.keys.ended, 0, -1)).map((member) => Number(member.split(" ")[1])),
    ];
    expect(statsBytes).toBe(bytes.reduce((sum, size) => sum + size, 0));
    expect(await one.redis.pttl(one.keys.execution(unended))).toBe(-1);
    expect(await one.redis.pttl(one.keys.execution(kept[0] ?? ""))).toBeGreaterThan(0);
  });
});

describe("the list", () => {
  test("has pages, newest first, by workflow and state", async () => {
    const one = await scene();
    const good = await one.workflow([{ id: "a", type: "set", value: 1 }]);
    const bad = await one.workflow([{ id: "a", type: "set", value: "{{trigger.data.x}}" }]);
    const ids: string[] = [];
    for (let nth = 0; nth < 7; nth += 1) ids.push((await one.run(nth % 2 === 0 ? good : bad)).id);
    const all: string[] = [];
    let after = null;
    do {
      const query = { workflowId: null, state: null, after, limit: 2 };
      const page: Awaited<ReturnType<typeof one.first.control.list>> =
        await one.first.control.list(query);
      all.push(...page.executions.map(({ id }) => id));
      after = page.next;
    } while (after !== null);
    expect(all).toHaveLength(7);
    expect(new Set(all)).toEqual(new Set(ids));
    const failed = await one.first.control.list({
      workflowId: null,
      state: "failed",
      after: null,
      limit: 100,
    });
    expect(failed.executions.every(({ workflow_id }) => workflow_id === bad)).toBe(true);
    expect(failed.executions).toHaveLength(3);
    const ofGood = await one.first.control.list({
      workflowId: good,
      state: null,
      after: null,
      limit: 100,
    });
    expect(ofGood.executions).toHaveLength(4);
  });
});
