// Elements of hundreds of megabytes on the intake list: set aside in Valkey, never sent to the worker.
import type { LocalValkey } from "../../src/local-valkey/start.ts";
import { eventually } from "../support/eventually.ts";
import { check, counts, Producer, QUEUE, type Scenario, type ScenarioContext } from "./harness.ts";

const MIB = 1024 * 1024;
const SIZES_MIB = [200, 500];
const GOOD = 1_000;
const MAX_RSS_MIB = 300;
/** Good events between the huge ones, so that they are in the middle of batches. */
const GROUP = 250;

interface Rejected {
  reason: string;
  size: number;
  cut?: boolean;
  raw?: string;
}

async function run(context: ScenarioContext, mode: "safe" | "blpop") {
  const valkey = await context.valkey();
  const redis = await context.redis(valkey.url);
  const receiver = context.receiver();
  const env = { FLUXHOOK_CLAIM: mode };
  const worker = await context.worker(valkey.url, env);
  await worker.register({ user_id: "u_1", url: receiver.url() });
  const rss = worker.watchRss(20);
  const push = mode === "safe" ? "LPUSH" : "RPUSH";
  const producer = new Producer(redis, { push });
  const pushHuge = async (mib: number) => {
    context.progress(`pushing ${mib} MiB`);
    await redis.call(push, [QUEUE, Buffer.alloc(mib * MIB, "x")]);
  };
  const allArrived = () =>
    eventually(() => receiver.distinct >= producer.acknowledged, { withinMs: 120_000 }).catch(
      () => false,
    );

  // The worker waits for the empty list, and a huge element is what it is woken by.
  await pushHuge(SIZES_MIB[0] ?? 0);
  await producer.push(GROUP);
  await allArrived();
  // Then they stand among good ones, and Valkey is full: only consuming is possible.
  worker.signal("SIGSTOP");
  await producer.push(GROUP);
  for (const mib of SIZES_MIB) {
    await pushHuge(mib);
    await producer.push((GOOD - 2 * GROUP) / SIZES_MIB.length);
  }
  const pushedMib = await highWaterMib(valkey);
  await redis.config("SET", "maxmemory", await usedBytes(redis));
  worker.signal("SIGCONT");
  const startedAt = performance.now();
  const arrived = await allArrived();
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  await eventually(async () => (await redis.llen("fluxhook:rejected")) >= SIZES_MIB.length + 1, {
    withinMs: 60_000,
  }).catch(() => {});
  const mostRss = Math.round(rss.stop());
  const rejected = (await redis.lrange("fluxhook:rejected", 0, -1)).map(
    (text) => JSON.parse(text) as Rejected,
  );
  const expected = [...SIZES_MIB, SIZES_MIB[0] ?? 0].map((mib) => mib * MIB);
  const sizes = rejected.map(({ size }) => size);
  const isKept = rejected.every(
    ({ reason, cut, raw }) => reason === "too-large" && cut === true && raw?.startsWith("xxx"),
  );
  const result = counts(producer, receiver);
  return {
    ...result,
    checks: [
      check("valid ones lost", result.lost, result.lost === 0),
      check("valid ones sent twice", result.duplicates, result.duplicates === 0),
      check("all arrived after, s", seconds, arrived),
      check("rejected, MiB", sizes.map((size) => size / MIB).join(" "), isSame(sizes, expected)),
      check("each is kept with its first bytes, marked as cut", String(isKept), isKept),
      check("worker's max RSS, MiB", mostRss, mostRss < MAX_RSS_MIB),
      check("Valkey's max RSS after pushing, MiB", pushedMib, true),
      check("Valkey's max RSS at the end, MiB", await highWaterMib(valkey), true),
      check("worker has ended", String(worker.hasEnded), !worker.hasEnded),
    ],
  };
}

function isSame(sizes: readonly number[], expected: readonly number[]): boolean {
  const ordered = (all: readonly number[]) => all.toSorted((a, b) => a - b).join(" ");
  return ordered(sizes) === ordered(expected);
}

async function highWaterMib(valkey: LocalValkey): Promise<number> {
  const status = await Bun.file(`/proc/${valkey.pid}/status`).text();
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024);
}

async function usedBytes(redis: { info(section: string): Promise<string> }): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info("memory"))?.[1] ?? 0);
}

/** A worker dies with the huge one's batch in its hands; another one takes it over. */
const hugeKilled: Scenario = {
  name: "huge-elements-killed",
  what: "a worker is killed while it holds the first bytes of a 200 MiB element, among 200 valid ones",
  holds: "lost 0; the huge one is rejected once, with its size",
  async run(context) {
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const registrar = await context.worker(valkey.url);
    await registrar.register({ user_id: "u_1", url: receiver.url() });
    await registrar.terminate();
    const producer = new Producer(redis);
    await redis.lpush(QUEUE, Buffer.alloc((SIZES_MIB[0] ?? 0) * MIB, "x"));
    await producer.push(200);
    const doomed = await context.worker(
      valkey.url,
      { FLUXHOOK_TEST_FAULT: "claimed:0" },
      { awaitReady: false },
    );
    await eventually(() => doomed.hasEnded, { withinMs: 60_000 });
    const worker = await context.worker(valkey.url);
    const rss = worker.watchRss(20);
    await eventually(() => receiver.distinct >= producer.acknowledged, {
      withinMs: 60_000,
    }).catch(() => {});
    const rejected = await eventually(async () => {
      const texts = await redis.lrange("fluxhook:rejected", 0, -1);
      return texts.length > 0 && texts.map((text) => JSON.parse(text) as Rejected);
    }).catch((): Rejected[] => []);
    const sizes = rejected.map(({ size }) => size);
    const mostRss = Math.round(rss.stop());
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("lost", result.lost, result.lost === 0),
        check("killed", String(doomed.wasKilled), doomed.wasKilled),
        check("rejected, bytes", sizes.join(" "), isSame(sizes, [(SIZES_MIB[0] ?? 0) * MIB])),
        check("worker's max RSS, MiB", mostRss, mostRss < MAX_RSS_MIB),
      ],
    };
  },
};

export const hugeElements: readonly Scenario[] = [
  {
    name: "huge-elements",
    what: "elements of 200 and 500 MiB among 1,000 valid ones, Valkey at its memory limit",
    holds: "valid ones lost 0; the huge ones rejected with their size; RSS below 300 MiB",
    run: (context) => run(context, "safe"),
  },
  {
    name: "huge-elements-blpop",
    what: "huge elements among valid ones with FLUXHOOK_CLAIM=blpop",
    holds: "as without FLUXHOOK_CLAIM=blpop",
    run: (context) => run(context, "blpop"),
  },
  hugeKilled,
];
