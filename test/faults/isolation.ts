// Guarantee 5: nobody waits for somebody else's receiver. Measured within one run, for no two runs on
// a shared machine are alike: without the hanging receivers, with them, and without them again.
import { join } from "node:path";
import type { Redis } from "iovalkey";
import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import { eventually } from "../support/eventually.ts";
import { startTcpReceiver, type TcpReceiver } from "../support/tcp-receiver.ts";
import {
  check,
  counts,
  Producer,
  QUEUE,
  type Result,
  type Scenario,
  type ScenarioContext,
  timed,
  type WorkerProcess,
} from "./harness.ts";

interface Hanging {
  well: number;
  hanging: number;
  /** Events per second to all of them together: more than could hang if nothing held them back. */
  hangingRate: number;
  /** What a hanging receiver says before it says nothing more. */
  says: string;
}

/** Per second, to all webhooks that are well together; well below what the worker can do. */
const WELL_RATE = 300;
/** Whatever else runs on the machine can spoil a round; a fault of the engine spoils them all. */
const ROUNDS = 3;
const TICK_MS = 10;
/** docs/design.md, guarantee 5: a webhook starts at 8 in flight; those without a success hold half of all slots. */
const FIRST_LIMIT = 8;
const UNPROVEN_SHARE = 512;
/** A connection that the worker has cut off is seen as open for a moment more. */
const CLOSING = 1.25;

const hangingBeforeHeaders: Scenario = {
  name: "hanging-receivers",
  what: "20 of 100 webhooks accept the connection and never answer",
  holds: "the others' p99 ≤ 1.2 × that without them, or + 2 ms",
  run: (context) => bestOf(context, { well: 80, hanging: 20, hangingRate: 300, says: "" }),
};

const hangingAfterHeaders: Scenario = {
  name: "hanging-after-headers",
  what: "300 of 400 webhooks send status line and headers, and never the body",
  holds: "the others' p99 ≤ 1.2 × that without them, or + 2 ms",
  run: (context) =>
    bestOf(context, {
      well: 100,
      hanging: 300,
      hangingRate: 1_200,
      says: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
    }),
};

async function bestOf(context: ScenarioContext, hanging: Hanging): Promise<Result> {
  for (let round = 1; ; round += 1) {
    const result = await measure(context, hanging);
    if (round === ROUNDS || result.checks.every(({ holds }) => holds)) return result;
    context.progress(`round ${round} did not hold; once more`);
  }
}

async function measure(
  context: ScenarioContext,
  { well, hanging, hangingRate, says }: Hanging,
): Promise<Result> {
  const phaseMs = context.long ? 30_000 : 2_500;
  const valkey = await context.valkey();
  const redis = await context.redis(valkey.url);
  const healthy = await LatencyReceiver.start(context);
  const hung = await startTcpReceiver(async (connection) => {
    await connection.request({ withinMs: 600_000 });
    await connection.write(says);
  });
  context.atEnd(() => hung.stop());
  const worker = await context.worker(valkey.url);
  await registerAll(worker, well, (n) => `w_${n}`, `${healthy.url}/`);
  await registerAll(worker, hanging, (n) => `h_${n}`, `${hung.url}/`);
  const traffic = new Traffic(redis, well, hanging);

  // Connections are made, code is compiled: what is measured is the steady state.
  await traffic.run("warm-up", 1_000, 0);
  context.progress("without the hanging receivers");
  await traffic.run("before", phaseMs, 0);
  context.progress("with them");
  const open = watchOpen(hung);
  await traffic.run("with", phaseMs * 2, hangingRate);
  const mostOpen = open.stop();
  await healthy.arrived("with", traffic.pushed("with"));
  // Refused from now on: their events go to the schedule, a minute away from here.
  await hung.stop();
  await eventually(async () => (await redis.zcard(`{${QUEUE}}:lanes`)) === 0, {
    withinMs: 60_000,
  });
  context.progress("without them again");
  await traffic.run("after", phaseMs, 0);

  const share = Math.min(UNPROVEN_SHARE, hanging * FIRST_LIMIT);
  const phases = ["before", "with", "after"] as const;
  const [before, during, after] = await Promise.all(
    phases.map((phase) => healthy.arrived(phase, traffic.pushed(phase))),
  );
  const without = [...(before ?? []), ...(after ?? [])];
  const [baseMs, hangMs] = [p99(without), p99(during ?? [])];
  const sent = phases.reduce((sum, phase) => sum + traffic.pushed(phase), 0);
  const received = without.length + (during?.length ?? 0);
  return {
    sent,
    received,
    lost: Math.max(0, sent - received),
    duplicates: Math.max(0, received - sent),
    checks: [
      timed(
        context,
        check(
          `p99 with ${hanging} hanging ≤ 1.2 × without, or + 2 ms`,
          `${ms(hangMs)} with, ${ms(baseMs)} without (p50 ${ms(quantile(during ?? [], 0.5))}, ${ms(quantile(without, 0.5))})`,
          hangMs <= Math.max(1.2 * baseMs, baseMs + 2),
        ),
      ),
      // Who waits for a hanging receiver waits for seconds, on any machine.
      check("the others' p99 is below a second", ms(hangMs), hangMs < 1_000),
      check("lost by the others", sent - received, sent === received),
      // Fewer: nothing was hanging. More: their share did not hold.
      check(
        `requests that hung at once: ${hanging} to ${share}`,
        mostOpen,
        mostOpen >= hanging && mostOpen <= share * CLOSING,
      ),
    ],
  };
}

/** Pushes at a steady rate, each event with the time of its push. */
export class Traffic {
  private readonly pushedWell = new Map<string, number>();
  private turnWell = 0;
  private turnHanging = 0;

  constructor(
    private readonly redis: Redis,
    private readonly well: number,
    private readonly hanging: number,
  ) {}

  pushed(phase: string): number {
    return this.pushedWell.get(phase) ?? 0;
  }

  async run(phase: string, forMs: number, hangingRate: number): Promise<void> {
    const startedAt = performance.now();
    let pushedWell = 0;
    let pushedHanging = 0;
    for (;;) {
      const elapsedMs = Math.min(forMs, performance.now() - startedAt);
      const elements: string[] = [];
      for (; pushedHanging < (elapsedMs / 1_000) * hangingRate; pushedHanging += 1) {
        elements.push(element(`h_${this.turnHanging++ % this.hanging}`, phase));
      }
      for (; pushedWell < (elapsedMs / 1_000) * WELL_RATE; pushedWell += 1) {
        elements.push(element(`w_${this.turnWell++ % this.well}`, phase));
      }
      if (elements.length > 0) await this.redis.lpush(QUEUE, ...elements);
      if (elapsedMs >= forMs) break;
      await Bun.sleep(TICK_MS);
    }
    this.pushedWell.set(phase, pushedWell);
  }
}

function element(user: string, phase: string): string {
  const pushedAtMs = performance.timeOrigin + performance.now();
  return JSON.stringify({
    user_id: user,
    event: "file.created",
    data: { phase, pushed_at_ms: pushedAtMs },
  });
}

/** The process that receives for the webhooks that are well. */
export class LatencyReceiver {
  private constructor(readonly url: string) {}

  static async start(context: ScenarioContext): Promise<LatencyReceiver> {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "latency-receiver.ts")], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    runOnProcessDeath('kill -9 "$1" 2>/dev/null', String(child.pid));
    context.atEnd(() => child.kill("SIGKILL"));
    const { value } = await child.stdout.getReader().read();
    return new LatencyReceiver(`http://127.0.0.1:${new TextDecoder().decode(value).trim()}`);
  }

  /** The latencies of a phase in ms, once so many events have arrived (or have not in time). */
  async arrived(phase: string, events: number): Promise<number[]> {
    let latencies: number[] = [];
    await eventually(
      async () => {
        latencies = (await (await fetch(`${this.url}/${phase}`)).json()) as number[];
        return latencies.length >= events;
      },
      { withinMs: 15_000 },
    ).catch(() => {});
    return latencies;
  }
}

function watchOpen(receiver: TcpReceiver): { stop: () => number } {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, receiver.connections.filter(({ isClosed }) => !isClosed).length);
  }, 100);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}

/** One webhook for each of so many users. */
export async function registerAll(
  worker: WorkerProcess,
  count: number,
  user: (n: number) => string,
  base: string,
): Promise<void> {
  const atOnce = 20;
  for (let i = 0; i < count; i += atOnce) {
    const group = Array.from({ length: Math.min(atOnce, count - i) }, (_, k) => i + k);
    await Promise.all(
      group.map((n) => worker.register({ user_id: user(n), url: `${base}${user(n)}` })),
    );
  }
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

const p99 = (values: readonly number[]) => quantile(values, 0.99);
export const ms = (value: number) => `${value.toFixed(1)} ms`;

const thousandInFlight: Scenario = {
  name: "thousand-in-flight",
  what: "1,000 webhooks whose receiver takes 2 s for each request",
  holds: "1,000 requests in flight in one process with default settings",
  async run(context) {
    const webhooks = 1_000;
    const valkey = await context.valkey();
    const receiver = context.receiver();
    const worker = await context.worker(valkey.url);
    const user = (n: number) => `u_${n % webhooks}`;
    await registerAll(worker, webhooks, user, receiver.url());
    const producer = new Producer(await context.redis(valkey.url), { userOf: user });
    // A webhook without a success shares half of all slots with the others of its kind.
    await producer.push(webhooks);
    await eventually(() => receiver.distinct >= producer.acknowledged, { withinMs: 30_000 });
    const idleMib = await worker.rssMib();

    receiver.respond = async () => {
      await Bun.sleep(2_000);
      return null;
    };
    const rss = worker.watchRss();
    await producer.push(webhooks * 2);
    await eventually(() => receiver.distinct >= producer.acknowledged, { withinMs: 60_000 }).catch(
      () => {},
    );
    const mostMib = rss.stop();
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("in flight at once", receiver.mostInFlight, receiver.mostInFlight >= webhooks),
        check("lost", result.lost, result.lost === 0),
        check(
          "resident memory ≤ 250 MiB",
          `${Math.round(mostMib)} MiB (before: ${Math.round(idleMib)})`,
          mostMib <= 250,
        ),
      ],
    };
  },
};

export const isolation: readonly Scenario[] = [
  hangingBeforeHeaders,
  hangingAfterHeaders,
  thousandInFlight,
];
