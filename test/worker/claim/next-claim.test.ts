import { afterEach, describe, expect, test } from "bun:test";
import { claimNextScript } from "../../../src/valkey/queue/blind-wait.ts";
import { PauseStore } from "../../../src/valkey/queue/pause-store.ts";
import type { Batch } from "../../../src/worker/job.ts";
import { ListState } from "../../../src/worker/claim/list-state.ts";
import { NextClaim } from "../../../src/worker/claim/next-claim.ts";
import { Capacity } from "../../../src/worker/settle/capacity.ts";
import { WakeUp } from "../../../src/worker/wake-up.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { CUT, type TestQueue } from "../../valkey/queue/test-queue.ts";
import { useOwnLab } from "../../valkey/queue/use-lab.ts";
import { member, type TestMember } from "../test-member.ts";

const { valkey, lab } = useOwnLab();

const opened: NextClaim[] = [];
afterEach(() => {
  for (const next of opened.splice(0)) next.close();
});

interface Scene {
  queue: TestQueue;
  one: TestMember;
  /** The connection's name. */
  name: string;
  next: NextClaim;
  capacity: Capacity;
  batches: Batch[];
  /** How often the claimer was notified. */
  notified: number;
  lost: number;
  pauses: string[];
}

interface Options {
  queue?: TestQueue;
  mode?: "safe" | "blpop";
  worker?: string;
  room?: number;
  url?: string;
}

async function open(options: Options = {}): Promise<Scene> {
  const { queue = lab.queue(), mode = "safe", worker = "w", room = 1_000 } = options;
  const name = freshPrefix();
  const one = member(queue, lab.link);
  await queue.join(worker);
  one.claims.joined(worker);
  const capacity = new Capacity(room, new WakeUp());
  const scene = { queue, one, name, capacity, batches: [], notified: 0, lost: 0, pauses: [] };
  const opening = scene as unknown as Scene;
  opening.next = new NextClaim({
    url: options.url ?? valkey.url,
    name,
    claims: one.claims,
    list: new ListState(),
    mode,
    cut: CUT,
    capacity,
    slots: { setPauses: (all) => void opening.pauses.push(...all.map((of) => of.webhookId)) },
    run: (batch) => void opening.batches.push(batch),
    wakeUp: { notify: () => void (opening.notified += 1) },
    heartbeatDue: { notify: () => void (opening.lost += 1) },
    log: one.log,
  });
  opened.push(opening.next);
  return opening;
}

/** The client that waits, once it blocks in Valkey. */
async function blocked(name: string): Promise<string> {
  return eventually(async () => {
    const clients = String(await lab.redis.call("CLIENT", "LIST"));
    const line = clients.split("\n").find((one) => one.includes(` name=${name} `));
    return line?.includes(" flags=b ") ? (/^id=(\d+) /.exec(line)?.[1] ?? null) : null;
  });
}

const claimed = ({ batches }: Scene) =>
  batches.flatMap(({ items }) => items.map(({ claim }) => String(claim.bytes)));

describe("a wait with room to claim", () => {
  test("claims each element as soon as it is pushed, and the claimer is not woken", async () => {
    const scene = await open();
    scene.next.watchOnce();
    scene.next.watchOnce();
    for (const element of ["a", "b", "c"]) {
      await blocked(scene.name);
      await scene.queue.push(element);
      await eventually(() => claimed(scene).includes(element));
    }
    expect(claimed(scene)).toEqual(["a", "b", "c"]);
    expect(scene.notified).toBe(0);
    expect([...scene.one.claims.held.keys()]).toEqual(["1", "2", "3"]);
    expect(await scene.queue.places()).toEqual({ claims: ["a", "b", "c"] });
  });

  test("wakes the claimer for what is on the list besides", async () => {
    const scene = await open();
    const pushed = Array.from({ length: 34 }, (_, n) => `${n}`);
    await scene.queue.push(...pushed);
    scene.next.watchOnce();
    await eventually(() => scene.notified === 1);
    expect(claimed(scene)).toEqual(pushed.slice(0, 32));
    expect(await scene.queue.list()).toEqual(["32", "33"]);
  });

  test("claims fewer large ones, and leaves the rest to the claimer", async () => {
    const scene = await open();
    const pushed = Array.from({ length: 10 }, (_, n) => `${n}`.padEnd(50_000, "x"));
    await scene.queue.push(...pushed);
    scene.next.watchOnce();
    await eventually(() => scene.notified === 1);
    expect(claimed(scene)).toEqual(pushed.slice(0, 3));
    expect(await scene.queue.list()).toEqual(pushed.slice(3));
  });

  test("claims an element that comes alone once, however many replicas wait", async () => {
    const first = await open({ worker: "w1" });
    const others = [
      await open({ queue: first.queue, worker: "w2" }),
      await open({ queue: first.queue, worker: "w3" }),
    ];
    const scenes = [first, ...others];
    for (const { next, name } of scenes) {
      next.watchOnce();
      await blocked(name);
    }
    await lab.redis.config("RESETSTAT");
    await first.queue.push("a");
    await eventually(() => scenes.flatMap(claimed).length === 1);
    const statistics = await lab.redis.info("commandstats");
    expect(/cmdstat_evalsha:calls=(\d+)/.exec(statistics)?.[1]).toBe("1");
  });

  test("takes along the settlements that wait for a claim, before it blocks", async () => {
    const scene = await open();
    const { claims } = scene.one;
    scene.next.watchOnce();
    // Two claims in quick succession: from then on a settlement waits for the next one.
    await blocked(scene.name);
    await scene.queue.push("a");
    await eventually(() => claimed(scene).length === 1);
    await scene.queue.push("b");
    await eventually(() => claimed(scene).length === 2);
    for (const { items } of scene.batches) {
      for (const { claim } of items) claims.settle(claim, { verb: "done", ending: "delivered" });
    }
    await scene.queue.push("c");
    await eventually(async () => (await scene.queue.ended()).delivered === 2);
    await eventually(() => scene.one.settled.flat().length === 2);
    expect(await scene.queue.places()).toEqual({ claims: ["c"] });
  });

  test("reports pauses with what it claims", async () => {
    const scene = await open();
    await new PauseStore(lab.link, [scene.queue.store.queue]).pause("wh_1", 60_000);
    scene.next.watchOnce();
    await blocked(scene.name);
    await scene.queue.push("a");
    await eventually(() => claimed(scene).length === 1);
    expect(scene.pauses).toEqual(["wh_1"]);
  });

  test("reserves room for what it may bring, and gives it back", async () => {
    const scene = await open({ room: 100 });
    scene.next.watchOnce();
    await blocked(scene.name);
    expect(scene.capacity.room).toBe(68);
    scene.next.close();
    await eventually(() => scene.capacity.room === 100);
  });

  test("goes on after a lost connection, and a claim whose reply was lost is not stranded", async () => {
    const scene = await open();
    scene.next.watchOnce();
    const id = await blocked(scene.name);
    // In one step: the element is claimed, and the reply goes to a connection that is closed.
    await lab.redis
      .multi()
      .call("CLIENT", "KILL", "ID", id)
      .lpush(scene.queue.store.queue, "a")
      .exec();
    await eventually(() => claimed(scene).length === 1);
    await blocked(scene.name);
    await scene.queue.push("b");
    await eventually(() => claimed(scene).length === 2);
    expect(claimed(scene)).toEqual(["a", "b"]);
    expect(scene.one.log.lines).toEqual([]);
  });

  test("reports a worker that was declared dead, and takes nothing for it", async () => {
    const scene = await open();
    scene.next.watchOnce();
    await blocked(scene.name);
    await scene.queue.store.leave("w");
    await scene.queue.push("a");
    await eventually(() => scene.lost === 1);
    expect(scene.one.claims.worker).toBeNull();
    expect(await scene.queue.places()).toEqual({ next: ["a"] });
    // Whoever claims next takes it.
    await scene.queue.join("other");
    const [claim] = await scene.queue.claim("other");
    expect(String(claim?.bytes)).toBe("a");
    expect(await scene.queue.places()).toEqual({ claims: ["a"] });
  });

  test("claims at the memory limit too, where BLMOVE is refused", async () => {
    const scene = await open();
    await scene.queue.push("a");
    await lab.redis.config("SET", "maxmemory", 1);
    try {
      scene.next.watchOnce();
      await eventually(() => claimed(scene).length === 1);
      expect(scene.one.log.lines).toEqual([]);
    } finally {
      await lab.redis.config("SET", "maxmemory", 0);
    }
  });

  test("waits again at once where another claim was quicker", async () => {
    const scene = await open();
    scene.next.watchOnce();
    const { queue, next } = scene.queue.store.keys;
    for (let taken = 0; taken < 3; taken += 1) {
      await blocked(scene.name);
      // In one write: the second command runs before the claim behind the wait.
      const replies = await lab.redis.pipeline().lpush(queue, "taken").rpop(next).exec();
      expect(replies?.[1]?.[1]).toBe("taken");
    }
    await blocked(scene.name);
    await scene.queue.push("a");
    await eventually(() => claimed(scene).length === 1);
    // A pause would have ended with it.
    expect(scene.notified).toBe(0);
  });

  test("goes on where Valkey has forgotten its scripts", async () => {
    const scene = await open();
    scene.next.watchOnce();
    await blocked(scene.name);
    await lab.redis.script("FLUSH");
    await scene.queue.push("a");
    await eventually(() => claimed(scene).length === 1);
    expect(await scene.queue.places()).toEqual({ claims: ["a"] });
  });

  test("never receives an element that is too large", async () => {
    const scene = await open();
    scene.next.watchOnce();
    const id = await blocked(scene.name);
    await scene.queue.push("x".repeat(5_000_000));
    await eventually(() => claimed(scene).length === 1);
    expect(scene.batches[0]?.items[0]?.claim.header).toMatchObject({ size: 5_000_000 });
    const line = String(await lab.redis.call("CLIENT", "LIST", "ID", id));
    expect(Number(/ tot-net-out=(\d+)/.exec(line)?.[1] ?? 0)).toBeLessThan(100_000);
  });
});

const withoutClaim = [
  ["where there is little room", { room: 10 }],
  ["for blpop", { mode: "blpop" }],
] as const;

describe.each(withoutClaim)("%s a wait", (_, options) => {
  test("only wakes the claimer, once, and leaves the list as it is", async () => {
    const scene = await open(options);
    scene.next.watchOnce();
    await blocked(scene.name);
    expect(scene.notified).toBe(0);
    await scene.queue.push("a", "b");
    await eventually(() => scene.notified === 1);
    expect(await scene.queue.list()).toEqual(["a", "b"]);
    expect(claimed(scene)).toEqual([]);

    // A list that is not empty wakes it at once.
    scene.next.watchOnce();
    await eventually(() => scene.notified === 2);
  });

  test("waits again at once where a claim was quicker", async () => {
    const scene = await open(options);
    scene.next.watchOnce();
    const { queue } = scene.queue.store.keys;
    for (let taken = 0; taken < 3; taken += 1) {
      await blocked(scene.name);
      const replies = await lab.redis.pipeline().lpush(queue, "taken").rpop(queue).exec();
      expect(replies?.[1]?.[1]).toBe("taken");
    }
    await blocked(scene.name);
    expect(scene.notified).toBe(0);
  });

  test("wakes the claimer at the memory limit, where BLMOVE is refused", async () => {
    const scene = await open(options);
    await scene.queue.push("a");
    await lab.redis.config("SET", "maxmemory", 1);
    try {
      scene.next.watchOnce();
      await eventually(() => scene.notified === 1);
      expect(scene.one.log.lines).toEqual([]);
    } finally {
      await lab.redis.config("SET", "maxmemory", 0);
    }
  });
});

test("a wait goes on after a restart of Valkey", async () => {
  const scene = await open();
  scene.next.watchOnce();
  await blocked(scene.name);
  valkey.signal("SIGKILL");
  await valkey.exited;
  await valkey.restart();
  await lab.link.whenUp();
  await eventually(() => scene.queue.join("w"));
  await eventually(() => scene.queue.push("a"));
  await eventually(() => claimed(scene).length === 1 || scene.lost === 1);
});

test("a queue key of another type is logged and does not end the waiting", async () => {
  const scene = await open();
  await lab.redis.set(scene.queue.store.queue, "no list");
  scene.next.watchOnce();
  await eventually(() => scene.notified === 1);
  expect(scene.one.log.of("list.wait_failed")).toHaveLength(1);
  await lab.redis.del(scene.queue.store.queue);
  scene.next.watchOnce();
  await blocked(scene.name);
});

test("a closed wait notifies nobody and holds no connection", async () => {
  const scene = await open();
  scene.next.watchOnce();
  await blocked(scene.name);
  scene.next.close();
  await eventually(async () => {
    expect(String(await lab.redis.call("CLIENT", "LIST"))).not.toContain(` name=${scene.name} `);
  });
  scene.next.watchOnce();
  expect(scene.notified).toBe(0);
});

test("a user that may not call CLIENT REPLY can wait and claim", async () => {
  await lab.redis.call(
    "ACL",
    "SETUSER",
    "limited",
    "on",
    ">pass",
    "~*",
    "&*",
    "+@all",
    "-client|reply",
  );
  const scene = await open({ url: valkey.url.replace("redis://", "redis://limited:pass@") });
  scene.next.watchOnce();
  await blocked(scene.name);
  await scene.queue.push("a");
  await eventually(() => claimed(scene).length === 1);
  await blocked(scene.name);
  await scene.queue.push("b");
  await eventually(() => claimed(scene).length === 2);
  expect(claimed(scene)).toEqual(["a", "b"]);
  expect(scene.one.log.lines).toEqual([]);
});

test("a repeated number returns the same batch, and both scripts number their claims from one count", async () => {
  const queue = lab.queue();
  await queue.join("w");
  const { keys } = queue.store;
  const keysOfScript = [
    keys.queue,
    keys.workers,
    keys.worker("w"),
    keys.claims("w"),
    keys.next,
    keys.stats,
    keys.lanes,
    keys.paused,
  ];
  const ask = async (number: number) => {
    const args = ["w", number, 8, 1_000_000, 0, 1_000_000, 1_000];
    const reply = await lab.link.run((client) => claimNextScript.run(client, keysOfScript, args));
    const [head, ...items] = (reply as Buffer[]).map(String);
    const [kind, , left, , , ...claims] = (head ?? "").split(" ");
    return { kind, left, claims, items: items.map((item) => item.split("\n")[1]) };
  };
  await queue.push("a");
  expect(await ask(1)).toEqual({ kind: "ok", left: "0", claims: ["1"], items: ["a"] });
  await queue.push("b");
  expect((await queue.claim("w"))[0]?.number).toBe("2");
  expect(await ask(1)).toEqual({ kind: "again", left: "0", claims: ["1"], items: ["a"] });
  // What the other script repeats is its own batch alone.
  await queue.push("c");
  expect((await ask(2)).claims).toEqual(["3"]);
  const again = await queue.claimBatch("w", { number: 1 });
  expect(again.items.map(({ number }) => number)).toEqual(["2"]);
  expect((await ask(1)).kind).toBe("stale");
});
