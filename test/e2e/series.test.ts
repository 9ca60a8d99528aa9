// What the service knows of itself, of three replicas: every delivery is counted once, and none is forgotten but
// what a killed replica had counted within its last second.
import { expect, test } from "bun:test";
import { percentile } from "../../src/stats/latency.ts";
import { mergedAttempts } from "../../src/stats/series.ts";
import { eventually } from "../support/eventually.ts";
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
    const at: number[] = [];
    const receiver = scene.receiver(() => {
      at.push(performance.now());
      return noContent();
    });
    const [doomed, ...others] = await Promise.all(upTo(3).map(() => scene.serve()));
    const [other] = others as [ServiceProcess];
    await register(other, { user_id: "u_1", url: receiver.url });
    const load = (from: number, count: number) =>
      scene.push(...upTo(count).map((n) => eventFor("u_1", from + n)));
    await load(0, 1_000);
    await eventually(async () => expect((await sums(other)).delivered).toBe(1_000), {
      withinMs: 20_000,
    });
    await load(1_000, 3_000);
    await eventually(() => expect(at.length).toBeGreaterThan(2_000), { withinMs: 20_000 });
    doomed?.signal("SIGKILL");
    const killedAt = performance.now();
    await eventually(
      async () => {
        expect(new Set(receiver.requests.map(numberOf)).size).toBe(4_000);
        expect(await scene.redis.keys(`{${scene.queue}}:claims:*`)).toEqual([]);
      },
      { withinMs: 30_000 },
    );
    // Two seconds: a write begins a second after the first count, and may take its time on a busy machine.
    const inDoubt = at.filter((ms) => ms > killedAt - 2_000 && ms <= killedAt).length;
    const { delivered = 0 } = await ended(scene);
    expect(delivered).toBe(4_000);
    await eventually(
      async () => {
        const { delivered: counted = 0 } = await sums(other);
        expect(counted).toBeLessThanOrEqual(4_000);
        expect(counted).toBeGreaterThanOrEqual(4_000 - inDoubt);
        // What the others delivered after it was killed is there to the unit.
        expect(counted).toBeGreaterThanOrEqual(1_000);
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
