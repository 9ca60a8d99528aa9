// What the service knows of itself, of three replicas: every delivery is counted once, and none is forgotten but
// what a killed replica had counted within its last second.
import { expect, test } from "bun:test";
import { percentile } from "../../src/stats/latency.ts";
import { mergedAttempts } from "../../src/stats/series.ts";
import { eventually } from "../support/eventually.ts";
import { metricOf } from "../support/metric.ts";
import { eventFor, numberOf, openScene, register, type Scene } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const noContent = () => new Response(null, { status: 204 });

interface SeriesAnswer {
  series: Record<string, (number | null)[]>;
}

async function sums(service: ServiceProcess): Promise<Record<string, number>> {
  const { status, body } = await service.api<SeriesAnswer>("GET", "/v1/series?range=1h");
  expect(status).toBe(200);
  return Object.fromEntries(
    Object.entries(body.series).map(([name, values]) => [
      name,
      values.reduce<number>((sum, value) => sum + (value ?? 0), 0),
    ]),
  );
}

async function ended(scene: Scene): Promise<Record<string, number>> {
  const found = await scene.redis.hgetall(`{${scene.queue}}:stats`);
  return Object.fromEntries(Object.entries(found).map(([kind, n]) => [kind, Number(n)]));
}

/** By its own metrics. */
async function deliveredBy(service: ServiceProcess): Promise<number> {
  const series = 'fluxhook_deliveries_ended_total{end="delivered"}';
  return (await metricOf(service, series)) ?? Number.NaN;
}

test.concurrent(
  "the counts of an hour equal what three replicas have delivered, parked and rejected, to the unit",
  async () => {
    await using scene = await openScene();
    const receiver = scene.receiver(noContent);
    const failing = scene.receiver(() => new Response(null, { status: 500 }));
    const services = await Promise.all(upTo(3).map(() => scene.serve()));
    const [first] = services as [ServiceProcess, ...ServiceProcess[]];
    await register(first, { user_id: "u_1", url: receiver.url });
    await register(first, { user_id: "u_2", url: failing.url, retry_schedule: ["0s"] });
    await scene.push(
      ...upTo(1_500).map((n) => eventFor("u_1", n)),
      ...upTo(60).map((n) => eventFor("u_2", n)),
      ...upTo(40).map((n) => eventFor("u_nobody", n)),
      ...upTo(20).map(() => "no event"),
    );
    const expected = { delivered: 1_500, parked: 60, nobody: 40, rejected: 20, retry: 0 };
    await eventually(async () => expect(await sums(first)).toMatchObject(expected), {
      withinMs: 30_000,
    });
    expect(receiver.requests).toHaveLength(1_500);
    // The others say the same, and the counts in Valkey too.
    for (const service of services) expect(await sums(service)).toMatchObject(expected);
    expect(await ended(scene)).toMatchObject({ delivered: 1_500, parked: 60, rejected: 20 });
    const { body } = await first.api<{ workers: { slots: number; version: string }[] }>(
      "GET",
      "/v1/stats",
    );
    expect(body.workers).toHaveLength(3);
    expect(body.workers.every(({ slots }) => slots === 1_024)).toBeTrue();
  },
  { timeout: 60_000 },
);

test.concurrent(
  "after SIGKILL the counts are short by at most what the replica counted in its last second",
  async () => {
    await using scene = await openScene();
    const receiver = scene.receiver(noContent);
    const [doomed, ...others] = (await Promise.all(upTo(3).map(() => scene.serve()))) as [
      ServiceProcess,
      ...ServiceProcess[],
    ];
    const [other] = others as [ServiceProcess];
    await register(other, { user_id: "u_1", url: receiver.url });
    let pushed = 0;
    const seen: { at: number; counted: number }[] = [];
    /** What the replica had counted a second before two later answers of it, so it was not starved meanwhile. */
    const secondBefore = (): number | null => {
      const end = seen.at(-3);
      const before = seen.findLast(({ at }) => end !== undefined && end.at - at >= 1_000);
      return before?.counted ?? null;
    };
    const isTelling = () => {
      const before = secondBefore();
      return before !== null && before > 100 && (seen.at(-1)?.counted ?? 0) > before + 10;
    };
    const until = performance.now() + 30_000;
    while (!isTelling() && performance.now() < until) {
      await scene.push(...upTo(40).map((n) => eventFor("u_1", pushed + n)));
      pushed += 40;
      seen.push({ counted: await deliveredBy(doomed), at: performance.now() });
    }
    doomed.signal("SIGKILL");
    const counted = secondBefore() ?? Number.NaN;
    await eventually(
      async () => {
        expect(new Set(receiver.requests.map(numberOf)).size).toBe(pushed);
        expect(await scene.redis.keys(`{${scene.queue}}:claims:*`)).toEqual([]);
      },
      { withinMs: 30_000 },
    );
    expect((await ended(scene)).delivered).toBe(pushed);
    // What the others have counted is there to the unit; the rest is of the one that was killed.
    const countedByOthers = await Promise.all(others.map(deliveredBy));
    const all = countedByOthers.reduce((sum, n) => sum + n, 0);
    await eventually(
      async () => {
        const { delivered = 0 } = await sums(other);
        expect(delivered - all).toBeGreaterThanOrEqual(counted);
        expect(delivered).toBeLessThanOrEqual(pushed);
      },
      { withinMs: 10_000 },
    );
  },
  { timeout: 90_000 },
);

test.concurrent(
  "a service that stops writes what it has counted, and a new one goes on with it",
  async () => {
    await using scene = await openScene();
    const receiver = scene.receiver(async () => {
      await Bun.sleep(20);
      return noContent();
    });
    const service = await scene.serve();
    await register(service, { user_id: "u_1", url: receiver.url });
    await scene.push(...upTo(50).map((n) => eventFor("u_1", n)));
    await eventually(() => receiver.requests.length === 50);
    expect(await service.stop()).toBe(0);
    const next = await scene.serve();
    const counted = await sums(next);
    expect(counted).toMatchObject({ delivered: 50 });
    // The receiver took 20 ms.
    const keys = await scene.redis.keys(`{${scene.prefix}:series}:60:*`);
    const steps = await Promise.all(keys.map((key) => scene.redis.hgetall(key)));
    const numbers = steps.map(
      (step) => new Map(Object.entries(step).map(([name, value]) => [name, Number(value)])),
    );
    expect(percentile(mergedAttempts(numbers), 0.5)).toBeGreaterThan(18);
  },
  { timeout: 60_000 },
);

test.concurrent(
  "an idle service writes nothing to the series",
  async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    await service.api("GET", "/v1/stats");
    // Two heartbeats, which write.
    const beat = async () =>
      Number((await scene.redis.zrange(`{${scene.queue}}:workers`, 0, 0, "WITHSCORES"))[1]);
    const before = await beat();
    await eventually(async () => (await beat()) > before + 3_000);
    expect(await scene.redis.keys(`{${scene.prefix}:series}:*`)).toEqual([]);
  },
  { timeout: 60_000 },
);
