// /readyz, `fluxhook health` and `fluxhook doctor` where Valkey answers and still no work gets done.
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register } from "../support/serve-scene.ts";
import { runFluxhook } from "../support/service.ts";

interface Ready {
  detail: string;
  causes?: { code: string; queue: string | null; message: string }[];
}

test.concurrent(
  "a list that cannot be claimed from makes the service not ready, is named with its error, and stops no other list",
  async () => {
    await using scene = await openScene();
    const [broken, good] = [`${scene.prefix}:broken`, `${scene.prefix}:good`];
    const environment = { FLUXHOOK_QUEUE: `${broken},${good}` };
    const service = await scene.serve(environment);
    const receiver = scene.receiver();
    await register(service, { user_id: "u_1", url: receiver.url });
    expect((await service.api("GET", "/readyz")).status).toBe(200);

    await scene.redis.set(broken, "somebody else's");
    await scene.redis.lpush(good, eventFor("u_1"));
    await receiver.waitFor(1);
    const body = await eventually(
      async () => {
        const answer = await service.api<Ready>("GET", "/readyz");
        return answer.status === 503 && answer.body;
      },
      { withinMs: 30_000 },
    );
    expect(body.causes).toEqual([
      {
        code: "claim-failing",
        queue: broken,
        message: expect.stringContaining(`${broken} is a string`),
      },
    ]);

    const { port } = new URL(service.url);
    const settings = {
      FLUXHOOK_VALKEY_URL: scene.valkey.url,
      FLUXHOOK_PREFIX: scene.prefix,
      FLUXHOOK_PORT: port,
      ...environment,
    };
    const health = await runFluxhook(["health"], settings);
    expect([health.exitCode, health.stderr]).toEqual([1, expect.stringContaining(broken)]);
    const doctor = await runFluxhook(["doctor", "--json"], settings);
    const { checks } = JSON.parse(doctor.stdout) as { checks: { check: string; found: string }[] };
    const found = checks.find(({ check }) => check === "service")?.found;
    expect(found).toContain(`${broken} is a string`);

    await scene.redis.lpush(good, eventFor("u_1"));
    await receiver.waitFor(2);
    await scene.redis.del(broken);
    await scene.redis.lpush(broken, eventFor("u_1"));
    await receiver.waitFor(3);
    await eventually(async () => (await service.api("GET", "/readyz")).status === 200);
  },
  60_000,
);

test.concurrent(
  "slow receivers that use all the room leave the service ready while events wait",
  async () => {
    await using scene = await openScene();
    const service = await scene.serve({
      FLUXHOOK_CONCURRENCY: "2",
      FLUXHOOK_WEBHOOK_CONCURRENCY: "2",
    });
    const readiness = new Set<number>();
    const released = Promise.withResolvers<void>();
    const FAST = 5;
    const receiver = scene.receiver(async (_, index) => {
      if (index >= FAST) await released.promise;
      return new Response(null, { status: 204 });
    });
    await register(service, { user_id: "u_1", url: receiver.url, timeout_ms: 30_000 });
    // A webhook without a success would get half of the room only.
    await scene.push(...Array.from({ length: FAST }, () => eventFor("u_1")));
    await receiver.waitFor(FAST);
    await scene.push(...Array.from({ length: 20 }, () => eventFor("u_1")));
    await receiver.waitFor(FAST + 2);
    // Of another service that stalls from now on: when it is not ready, this one has been slow for longer.
    const stalled = `${scene.prefix}:stalled`;
    const other = await scene.serve({ FLUXHOOK_QUEUE: stalled });
    await scene.redis.set(stalled, "somebody else's");
    await eventually(
      async () => {
        const [slow, stuck] = await Promise.all([
          service.api("GET", "/readyz"),
          other.api("GET", "/readyz"),
        ]);
        readiness.add(slow.status);
        return stuck.status === 503;
      },
      { withinMs: 30_000 },
    );
    expect([...readiness]).toEqual([200]);
    expect(await scene.redis.llen(scene.queue)).toBe(18);
    released.resolve();
    await receiver.waitFor(FAST + 20);
  },
  60_000,
);
