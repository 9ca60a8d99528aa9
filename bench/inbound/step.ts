// `bun bench/inbound/step.ts [seconds] [executions at once]`: what it costs to store the result of one node, fenced by the
// claim of its execution: processor time of this process and of Valkey, and the latency.
import { Advances } from "../../src/inbound/run/advances.ts";
import { newExecutionId } from "../../src/inbound/run/accept.ts";
import { Link } from "../../src/valkey/connection/link.ts";
import { ExecutionStore } from "../../src/valkey/inbound/execution-store.ts";
import { ownValkey, testRedis } from "../../test/support/valkey.ts";
import { processUsage, usedSince } from "../usage.ts";

const [seconds = "4", atOnce = "64"] = process.argv.slice(2);
const STEPS = 5;
const HOUR_MS = 3_600_000;

const valkey = await ownValkey();
const redis = await testRedis(valkey.url);
const link = new Link({ url: valkey.url, name: "bench", deadlineMs: 3_000 }).open();
await link.whenUp();
const store = new ExecutionStore(link, "bench", {
  maxExecutions: 1_000_000,
  maxBytes: 1e10,
  ttlMs: HOUR_MS,
  idempotencyTtlMs: HOUR_MS,
});
const advances = new Advances(store, link, () => {});
const latencies: number[] = [];
let claims = 0;

/** Stores one execution and its claim, as accepting and claiming do; these are not measured. */
async function begin(): Promise<{ id: string; claim: string }> {
  const id = newExecutionId();
  const claim = String((claims += 1));
  await store.accept([
    {
      id,
      workflowId: "w",
      revision: 1,
      mode: "minimal",
      isTest: false,
      replica: null,
      query: null,
      headers: "{}",
      body: "{}",
      idempotency: null,
      ended: null,
    },
  ]);
  await redis.hset(`${store.base}:claims:bench`, claim, "0 e {}\n");
  return { id, claim };
}

async function steps({ id, claim }: { id: string; claim: string }): Promise<void> {
  for (let nth = 1; nth <= STEPS; nth++) {
    const beganAt = performance.now();
    await advances.save({
      worker: "bench",
      claim,
      id,
      workflowId: "w",
      run: 1,
      state: nth === STEPS ? "finished" : "running",
      startedMs: 1,
      error: "",
      set: [[`n:node${nth}`, 'finished 1 1764366000000 3\n{"status":200,"body":{"ok":true}}']],
      remove: [],
    });
    latencies.push(performance.now() - beganAt);
  }
}

let cpu = 0;
let valkeyCpu = 0;
let done = 0;
for (const until = performance.now() + Number(seconds) * 1_000; performance.now() < until;) {
  const begun: { id: string; claim: string }[] = [];
  for (let nth = 0; nth < Number(atOnce) * 4; nth++) begun.push(await begin());
  const before = await Promise.all([processUsage(process.pid), processUsage(valkey.pid)]);
  const one = async () => {
    for (let next = begun.pop(); next; next = begun.pop()) await steps(next);
  };
  const count = begun.length * STEPS;
  await Promise.all(Array.from({ length: Number(atOnce) }, one));
  cpu += usedSince(before[0], await processUsage(process.pid)).cpuSeconds;
  valkeyCpu += usedSince(before[1], await processUsage(valkey.pid)).cpuSeconds;
  done += count;
}
latencies.sort((a, b) => a - b);
const percentile = (part: number) =>
  (latencies[Math.floor(latencies.length * part)] ?? 0).toFixed(2);
console.log(
  `${done} steps, ${atOnce} executions at once, ${STEPS} steps each: ${((cpu * 1e6) / done).toFixed(1)} µs of the process, ` +
    `${((valkeyCpu * 1e6) / done).toFixed(1)} µs of Valkey a step; p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms`,
);
redis.disconnect();
link.close();
await valkey.stop();
