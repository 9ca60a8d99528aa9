// What the steady scenario reads from Valkey, from /proc and from a profile, and its naive worker.
import { describe, expect, test } from "bun:test";
import { census, countScripts, type SlowLogEntry } from "../../bench/census.ts";
import { naive } from "../../bench/contenders/naive.ts";
import { hottest } from "../../bench/cpu-profile.ts";
import { openStage } from "../../bench/stage.ts";
import {
  commandsSince,
  processUsage,
  requestsDuring,
  serverUsage,
  usedSince,
} from "../../bench/usage.ts";
import { oneWebhookEach } from "../../bench/workload.ts";
import { claimScript } from "../../src/valkey/queue/queue-store.ts";
import { eventually } from "../support/eventually.ts";
import { ownValkey, testRedis } from "../support/valkey.ts";

async function valkeyWithTwoClients() {
  const valkey = await ownValkey();
  const [harness, worker] = [await testRedis(valkey.url), await testRedis(valkey.url)];
  return {
    harness,
    worker,
    [Symbol.asyncDispose]: async () => {
      harness.disconnect();
      worker.disconnect();
      await valkey.stop();
    },
  };
}

const entry = (address: string, microseconds: number, ...args: string[]): SlowLogEntry => [
  0,
  0,
  microseconds,
  args,
  address,
  "",
];

describe("the census of scripts", () => {
  test("counts a run as empty where no command of it wrote, whatever other clients do", () => {
    const found = countScripts(
      [
        entry("a", 1, "LLEN", "q"),
        entry("b", 1, "HSET", "k", "f", "v"),
        entry("a", 50, "EVALSHA", "sha-of-claim"),
        entry("b", 70, "EVALSHA", "sha-of-settle"),
        entry("a", 60, "EVALSHA", "sha-of-claim"),
      ],
      new Set(["hset"]),
      new Map([["sha-of-claim", "claim.lua"]]),
    );
    expect(found).toEqual([
      { name: "claim.lua", runs: 2, empty: 2, microseconds: 110 },
      { name: "sha-of-s", runs: 1, empty: 0, microseconds: 70 },
    ]);
  });

  test("names this checkout's scripts, and leaves the slow log's threshold as it was", async () => {
    await using valkey = await valkeyWithTwoClients();
    const { harness, worker } = valkey;
    const keys = ["q", "workers", "w", "c", "r", "s", "sd", "l", "e", "p", "st", "n"];
    const threshold = await harness.config("GET", "slowlog-log-slower-than");
    await worker.zadd("workers", 1, "id");
    const claim = (number: number) =>
      claimScript.run(worker, keys, ["b", "id", number, 9, 999, 9, 0, 999, 9]);
    // Valkey knows the script from here on: its text is sent once.
    await claim(1);
    await worker.lpush("q", "{}");
    const found = await census(harness, async () => {
      for (const number of [2, 3]) await claim(number);
    });
    expect(found).toMatchObject([{ name: "claim.lua", runs: 2, empty: 1 }]);
    expect(await harness.config("GET", "slowlog-log-slower-than")).toEqual(threshold);
  });
});

test("commands and scripts are counted without those of the harness's own clients", async () => {
  await using valkey = await valkeyWithTwoClients();
  const { harness, worker } = valkey;
  const own = await serverUsage(harness);
  // Whoever connects after the harness's clients were listed is the contender.
  const contender = worker.duplicate();
  await contender.ping();
  const before = await serverUsage(harness);
  await contender.eval("return redis.call('LLEN', KEYS[1])", 1, "q");
  await contender.lpush("q", "1");
  await worker.lpush("q", "2");
  const after = await serverUsage(harness);
  contender.disconnect();
  expect(after.scripts - before.scripts).toBe(1);
  expect(commandsSince(before, after, own)).toBe(3);
});

test("a script is one request, whatever it calls", async () => {
  await using valkey = await valkeyWithTwoClients();
  const { harness, worker } = valkey;
  const script = "redis.call('SET', KEYS[1], 1); return redis.call('GET', KEYS[1])";
  expect(await requestsDuring(harness, () => worker.eval(script, 1, "k"))).toBe(1);
});

test.skipIf(process.platform !== "linux")(
  "processor time and wake-ups are those of all threads of a process",
  async () => {
    const before = await processUsage(process.pid);
    const startedAt = performance.now();
    while (performance.now() - startedAt < 50);
    for (let i = 0; i < 20; i += 1) await Bun.sleep(1);
    const after = await processUsage(process.pid);
    const used = usedSince(before, after);
    expect(used.cpuSeconds).toBeGreaterThan(0);
    expect(used.wakeUps).toBeGreaterThanOrEqual(20);
  },
);

test.skipIf(process.platform !== "linux")(
  "processor time includes that of threads that have ended",
  async () => {
    // getrusage(2): of the whole process.
    const { user, system } = process.cpuUsage();
    const { cpuSeconds } = await processUsage(process.pid);
    expect(cpuSeconds).toBeGreaterThanOrEqual((user + system) / 1e6 - 0.02);
  },
);

test("a profile's functions are sorted by the time in themselves, without waits", () => {
  const frame = (functionName: string, url: string, lineNumber: number) => ({
    functionName,
    url,
    lineNumber,
  });
  const found = hottest({
    nodes: [
      { id: 1, callFrame: frame("claim", "/somewhere/src/worker/claim.ts", 9) },
      { id: 2, callFrame: frame("", "", -1) },
    ],
    samples: [1, 2, 1, 2],
    timeDeltas: [3_000, 1_000, 4_000, 900_000],
  });
  expect(found.map(({ name, where }) => [name, where])).toEqual([
    ["claim", "src/worker/claim.ts:10"],
    ["(anonymous)", ""],
  ]);
  expect(found[0]?.share).toBeCloseTo(7_000 / 13_000);
});

test("the naive worker delivers what is pushed, signed, and logs it for each owner", async () => {
  await using stage = await openStage(null);
  const prepared = await naive.prepare(stage, oneWebhookEach(stage.receiver.base, 2));
  stage.receiver.expect([5]);
  await prepared.push(5);
  await prepared.start();
  await stage.receiver.mark(5);
  const logs = () => Promise.all([stage.redis.llen("log:u_0"), stage.redis.llen("log:u_1")]);
  await eventually(async () => (await logs()).join() === "3,2");
  expect(await stage.redis.ttl("log:u_0")).toBeGreaterThan(0);
});
