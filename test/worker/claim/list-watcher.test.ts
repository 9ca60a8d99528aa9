import { afterEach, expect, test } from "bun:test";
import { ListWatcher } from "../../../src/worker/claim/list-watcher.ts";
import { WakeUp } from "../../../src/worker/wake-up.ts";
import { eventually } from "../../support/eventually.ts";
import { freshPrefix } from "../../support/valkey.ts";
import { type TestQueue } from "../../valkey/queue/test-queue.ts";
import { useOwnLab } from "../../valkey/queue/use-lab.ts";
import { logLines } from "../log-lines.ts";

const { valkey, lab } = useOwnLab();

const waits: ListWatcher[] = [];
afterEach(() => {
  for (const wait of waits.splice(0)) wait.close();
});

function open(queue: TestQueue = lab.queue(), end: "RIGHT" | "LEFT" = "RIGHT") {
  const name = freshPrefix();
  const log = logLines();
  const scene = { queue, name, log, calls: 0, wait: null as unknown as ListWatcher };
  const wakeUp = new WakeUp();
  wakeUp.notify = () => void (scene.calls += 1);
  scene.wait = new ListWatcher({
    url: valkey.url,
    name,
    queue: queue.store.queue,
    end,
    wakeUp,
    log,
  });
  waits.push(scene.wait);
  return scene;
}

/** The client that waits, once it blocks in Valkey. */
async function blocked(name: string): Promise<string> {
  return eventually(async () => {
    const clients = String(await lab.redis.call("CLIENT", "LIST"));
    const line = clients.split("\n").find((one) => one.includes(` name=${name} `));
    return line?.includes(" flags=b ") ? (/^id=(\d+) /.exec(line)?.[1] ?? null) : null;
  });
}

test.each(["RIGHT", "LEFT"] as const)(
  "the watcher notifies once, as soon as there is an element, and leaves the list as it is (%s)",
  async (end) => {
    const scene = open(lab.queue(), end);
    scene.wait.watchOnce();
    scene.wait.watchOnce();
    await blocked(scene.name);
    expect(scene.calls).toBe(0);
    await scene.queue.push("a", "b");
    await eventually(() => scene.calls === 1);
    expect(await scene.queue.list()).toEqual(["a", "b"]);

    // A list that is not empty calls back at once.
    scene.wait.watchOnce();
    await eventually(() => scene.calls === 2);
    expect(await scene.queue.list()).toEqual(["a", "b"]);
  },
);

test("one element wakes all watchers that wait", async () => {
  const first = open();
  const second = open(first.queue);
  for (const { wait, name } of [first, second]) {
    wait.watchOnce();
    await blocked(name);
  }
  await first.queue.push("a");
  await eventually(() => first.calls === 1 && second.calls === 1);
  expect(await first.queue.list()).toEqual(["a"]);
});

test("a lost connection does not notify, and the watcher waits again by itself", async () => {
  const scene = open();
  scene.wait.watchOnce();
  await lab.redis.call("CLIENT", "KILL", "ID", await blocked(scene.name));
  await blocked(scene.name);
  expect(scene.calls).toBe(0);
  await scene.queue.push("a");
  await eventually(() => scene.calls === 1);
  expect(scene.log.lines).toEqual([]);
});

test("the watcher goes on after a restart of Valkey", async () => {
  const scene = open();
  scene.wait.watchOnce();
  await blocked(scene.name);
  valkey.signal("SIGKILL");
  await valkey.exited;
  await valkey.restart();
  await lab.link.whenUp();
  await eventually(() => scene.queue.push("a"));
  await eventually(() => scene.calls === 1);
});

test("the watcher notifies at the memory limit, where BLMOVE is refused", async () => {
  const scene = open();
  await scene.queue.push("a");
  await lab.redis.config("SET", "maxmemory", 1);
  try {
    scene.wait.watchOnce();
    await eventually(() => scene.calls === 1);
    expect(scene.log.lines).toEqual([]);
  } finally {
    await lab.redis.config("SET", "maxmemory", 0);
  }
});

test("a queue key of another type is logged and does not end the watching", async () => {
  const scene = open();
  await lab.redis.set(scene.queue.store.queue, "no list");
  scene.wait.watchOnce();
  await eventually(() => scene.calls === 1);
  expect(scene.log.of("list.wait_failed")).toHaveLength(1);
  await lab.redis.del(scene.queue.store.queue);
  scene.wait.watchOnce();
  await blocked(scene.name);
});

test("a closed watcher notifies nobody and holds no connection", async () => {
  const scene = open();
  scene.wait.watchOnce();
  await blocked(scene.name);
  scene.wait.close();
  await eventually(async () => {
    expect(String(await lab.redis.call("CLIENT", "LIST"))).not.toContain(` name=${scene.name} `);
  });
  scene.wait.watchOnce();
  expect(scene.calls).toBe(0);
});

test("the element itself is never sent to the watcher", async () => {
  const scene = open();
  scene.wait.watchOnce();
  const id = await blocked(scene.name);
  await scene.queue.push("x".repeat(5_000_000));
  await eventually(() => scene.calls === 1);
  const line = String(await lab.redis.call("CLIENT", "LIST", "ID", id));
  expect(Number(/ tot-net-out=(\d+)/.exec(line)?.[1] ?? 0)).toBeLessThan(100_000);
});

test("the watcher works for a user that may not call CLIENT REPLY", async () => {
  const queue = lab.queue();
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
  const name = freshPrefix();
  const log = logLines();
  let calls = 0;
  const wakeUp = new WakeUp();
  wakeUp.notify = () => void (calls += 1);
  const wait = new ListWatcher({
    url: valkey.url.replace("redis://", "redis://limited:pass@"),
    name,
    queue: queue.store.queue,
    end: "RIGHT",
    wakeUp,
    log,
  });
  waits.push(wait);
  wait.watchOnce();
  await eventually(() => calls === 1);
  wait.watchOnce();
  await blocked(name);
  await queue.push("a");
  await eventually(() => calls === 2);
  expect(await queue.list()).toEqual(["a"]);
  expect(log.lines).toEqual([]);
});
