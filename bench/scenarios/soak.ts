// Ten minutes at half of the top rate, a fifth of the answers errors: nothing may grow.
import { eventually } from "../../test/support/eventually.ts";
import { runBacklog } from "../backlog-run.ts";
import { atMost, type Bar, type Bench, type Result, type Scenario } from "../bench.ts";
import type { Contender } from "../contenders/contender.ts";
import { openFiles, rssMb, slope } from "../measure.ts";
import { openStage, type Stage } from "../stage.ts";
import { oneWebhookEach } from "../workload.ts";

const WEBHOOKS = 10;
const SAMPLE_EVERY_MS = 2_000;
/** What is compiled and cached first is no leak. */
const SETTLING_SHARE = 0.25;
/** Of its mean, over the whole soak: what samples of a garbage-collected process leave open. */
const MAX_GROWTH_PERCENT = 10;
/** A leak raises what is left after a collection: the least of so many samples. */
const FLOOR_OF = 10;
const FLAT = 5;
/** Short, so that as much ends as begins within the soak. */
const RETRY_SCHEDULE = ["0s", "1s", "2s", "4s", "8s"];
const LEFT_WITHIN_MS = 60_000;
const STATS = "{fluxhook:events}:stats";
const ALERTED = "fluxhook:alerted:";
const PARKED = "{fluxhook:events}:parked";

interface Sample {
  x: number;
  rssMb: number;
  files: number;
  keys: number;
}

export const soak: Scenario = {
  name: "soak",
  what: "ten minutes at half of the top rate, a fifth of the answers errors",
  onlyByName: true,
  async run(bench) {
    const [contender] = await bench.contenders("fluxhook");
    if (!contender) return { rows: [], bars: [], notes: [] };
    const top = await runBacklog(bench, {
      contender,
      events: 50_000,
      warmUpEvents: 10_000,
      workload: (base) => oneWebhookEach(base, WEBHOOKS),
    });
    return soakAt(bench, contender, Math.round((top.per_second ?? 0) / 2));
  },
};

async function soakAt(bench: Bench, contender: Contender, perSecond: number): Promise<Result> {
  const seconds = bench.quick ? 60 : 600;
  await using stage = await openStage(bench.pins, { mode: "flaky" });
  const workload = oneWebhookEach(stage.receiver.base, WEBHOOKS);
  const prepared = await contender.prepare(stage, workload, {
    webhook: { retry_schedule: RETRY_SCHEDULE, disable_rule: null },
  });
  const { pids, offer } = await prepared.start();
  const pid = pids[0] ?? 0;
  const samples: Sample[] = [];
  const startedAt = performance.now();
  let sampling: Promise<void> = Promise.resolve();
  const sample = async () => {
    const x = (performance.now() - startedAt) / 1_000;
    const keys = await countKeys(stage);
    const one = { x, rssMb: await rssMb(pid, "now"), files: await openFiles(pid), keys };
    samples.push(one);
    const figures = `${Math.round(one.rssMb)} MB, ${one.files} files, ${keys} keys`;
    bench.progress(`${Math.round(x)} of ${seconds} s at ${perSecond} per second: ${figures}`);
  };
  const timer = setInterval(() => {
    sampling = sample();
  }, SAMPLE_EVERY_MS);
  await offer({ perSecond, seconds });
  clearInterval(timer);
  await sampling;

  const offered = perSecond * seconds;
  const ended = async () =>
    Number(await stage.redis.hget(STATS, "delivered")) + (await stage.redis.zcard(PARKED));
  const all = await eventually(async () => (await ended()) >= offered, {
    withinMs: LEFT_WITHIN_MS,
  }).then(
    () => offered,
    () => ended(),
  );
  const settled = floors(samples.filter(({ x }) => x >= seconds * SETTLING_SHARE));
  const grows = (what: string, of: "rssMb" | "files" | "keys"): Bar => {
    const mean = settled.reduce((sum, one) => sum + one[of], 0) / settled.length;
    const grown = slope(settled.map((one) => ({ x: one.x, y: one[of] }))) * seconds;
    const limit = Math.max(FLAT, (mean * MAX_GROWTH_PERCENT) / 100);
    const { [of]: first = NaN } = settled[0] ?? {};
    const { [of]: last = NaN } = settled.at(-1) ?? {};
    return {
      what: `${what}: growth over ${seconds} s by its slope (${first.toFixed(0)} … ${last.toFixed(0)})`,
      limit: `≤ ${limit.toFixed(1)}`,
      found: grown,
      met: grown <= limit,
    };
  };
  return {
    rows: [],
    bars: [
      grows("RSS, MB", "rssMb"),
      grows("open files", "files"),
      grows("keys in Valkey", "keys"),
      ...atMost("events neither delivered nor parked", 0, offered - all),
    ],
    notes: [
      `${offered.toLocaleString("en-US")} events at ${perSecond} per second`,
      ...(bench.quick ? ["A minute is too short for a verdict."] : []),
    ],
  };
}

/** Without the marks that an alert was raised: each webhook has a few in its life, for ten minutes each. */
async function countKeys({ redis }: Stage): Promise<number> {
  let keys = 0;
  for await (const found of redis.scanStream({ count: 1_000 })) {
    keys += (found as string[]).filter((key) => !key.startsWith(ALERTED)).length;
  }
  return keys;
}

/** The least of each stretch. */
function floors(samples: readonly Sample[]): Sample[] {
  return Array.from({ length: Math.floor(samples.length / FLOOR_OF) }, (_, i) => {
    const stretch = samples.slice(i * FLOOR_OF, (i + 1) * FLOOR_OF);
    const least = (of: keyof Sample) => Math.min(...stretch.map((one) => one[of]));
    return { x: least("x"), rssMb: least("rssMb"), files: least("files"), keys: least("keys") };
  });
}
