// GET /v1/stream of real processes: over replicas, through outages, with viewers that stall, die or are many.
import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register } from "../support/serve-scene.ts";
import { API_TOKEN, startServiceProcess, type ServiceProcess } from "../support/service.ts";
import { stallStream, watchService, type StreamViewer } from "../support/stream-viewer.ts";
import { freshPrefix, ownValkey } from "../support/valkey.ts";
import { startReceiver } from "../support/receiver.ts";
import { pushEvents } from "../support/push-events.ts";

const LONG = process.env.FLUXHOOK_TEST_LONG === "1";
/** Longer than Bun's own limit for a silent connection, 10 s. */
const SILENCE_MS = LONG ? 60_000 : 16_000;
const OUTAGE_MS = LONG ? 20_000 : 6_000;
/** The most that one owner may have open. */
const OF_ONE_OWNER = 20;

const watch = (service: ServiceProcess, query = "", headers = {}) =>
  watchService(service.url, API_TOKEN, query, headers);

describe.concurrent("GET /v1/stream", () => {
  test(
    "shows the attempts of every replica on each replica, and each of an owner",
    async () => {
      await using scene = await openScene();
      const alone = { FLUXHOOK_CONCURRENCY: "1", FLUXHOOK_WEBHOOK_CONCURRENCY: "1" };
      const [one, two] = await Promise.all([scene.serve(alone), scene.serve(alone)]);
      let inFlight = 0;
      let mostInFlight = 0;
      const receiver = scene.receiver(async () => {
        inFlight += 1;
        mostInFlight = Math.max(mostInFlight, inFlight);
        await Bun.sleep(100);
        inFlight -= 1;
        return new Response(null, { status: 204 });
      });
      await register(one, { user_id: "u_1", url: receiver.url });
      using onOne = await watch(one);
      using onTwo = await watch(two);
      using own = await watch(two, "?user_id=u_1");
      let pushed = 0;
      const seenOf = (viewer: StreamViewer, round: number) =>
        viewer.of("attempt").filter(({ event }) => event === `round.r${round}`).length;
      // Until both workers have learned that somebody looks: each publishes what it attempts.
      for (let round = 1; pushed === 0; round += 1) {
        mostInFlight = 0;
        await scene.push(
          ...Array.from({ length: 6 }, (_, n) => eventFor("u_1", n, `round.r${round}`)),
        );
        await receiver.waitFor(6 * round);
        await own.waitFor("attempt", Math.min(6, 6 * round));
        await eventually(() => inFlight === 0);
        await Bun.sleep(300);
        const isWhole = seenOf(onOne, round) === 6 && seenOf(onTwo, round) === 6;
        // Each worker has one slot, so two at once are of both.
        if (isWhole && mostInFlight === 2) pushed = 6 * round;
        expect(round).toBeLessThan(30);
      }
      expect(onOne.of("hello")).toEqual([{ source: "all", max_per_second: 200 }]);
    },
    { timeout: 60_000 },
  );

  test(
    "publishes nothing when nobody looks, and ends publishing soon after the last viewer left",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve();
      const receiver = scene.receiver();
      await register(service, { user_id: "u_1", url: receiver.url });
      const channel = scene.redis.duplicate();
      await channel.connect();
      const heard: string[] = [];
      await channel.subscribe(`${scene.prefix}:live`);
      channel.on("message", (_channel: string, text: string) => heard.push(text));
      await scene.push(eventFor("u_1", 1));
      await receiver.waitFor(1);
      await Bun.sleep(500);
      expect(heard).toEqual([]);
      {
        using viewer = await watch(service);
        await viewer.waitFor("hello");
        await scene.push(eventFor("u_1", 2));
        await viewer.waitFor("attempt");
      }
      expect(heard).toHaveLength(1);
      // The key lasts 5 s, and a heartbeat comes every 2 s.
      await eventually(async () => (await scene.redis.exists(`{${scene.queue}}:watched`)) === 0);
      await Bun.sleep(2_500);
      const before = heard.length;
      await scene.push(eventFor("u_1", 3));
      await receiver.waitFor(3);
      await Bun.sleep(500);
      expect(heard).toHaveLength(before);
      channel.disconnect();
    },
    { timeout: 60_000 },
  );

  test(
    "stays connected through silence",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve();
      const receiver = scene.receiver();
      await register(service, { user_id: "u_1", url: receiver.url });
      using own = await watch(service, "?user_id=u_1");
      using all = await watch(service);
      await Bun.sleep(SILENCE_MS);
      expect([own.hasEnded, all.hasEnded]).toEqual([false, false]);
      await scene.push(eventFor("u_1", 1));
      await Promise.all([own.waitFor("attempt"), all.waitFor("attempt")]);
    },
    { timeout: 120_000 },
  );

  test(
    "forgets a viewer that was killed within two seconds, also one that had stalled",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve();
      const query = "?user_id=u_1";
      const viewers = await Promise.all(
        Array.from({ length: OF_ONE_OWNER }, () => stallStream(service.url, API_TOKEN, query)),
      );
      const ask = async () => {
        using viewer = await watch(service, query);
        return viewer.status;
      };
      await eventually(async () => (await ask()) === 503);
      for (const viewer of viewers) viewer.kill();
      await eventually(async () => (await ask()) === 200, { withinMs: 2_000 });
    },
    { timeout: 60_000 },
  );

  test(
    "viewers that read nothing cost the others no attempt and the service no memory",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve();
      const receiver = scene.receiver();
      await register(service, { user_id: "u_1", url: receiver.url });
      using viewer = await watch(service);
      await viewer.waitFor("hello");
      const stalled = await Promise.all(
        Array.from({ length: 20 }, () => stallStream(service.url, API_TOKEN)),
      );
      // What is published before the service has subscribed reaches nobody.
      const live = `${scene.prefix}:live`;
      await eventually(async () => Number((await scene.redis.pubsub("NUMSUB", live))[1]) > 0);
      // 30,000 long lines: much more than the buffers of their connections hold.
      const long = "x".repeat(100);
      let sent = 0;
      const flood = async () => {
        const lines = Array.from({ length: 100 }, () =>
          JSON.stringify({
            delivery_id: `flood-${(sent += 1)}`,
            webhook_id: "wh_1",
            outcome: "delivered",
            event: "a.b",
            long: long.repeat(10),
          }),
        );
        await scene.redis.publish(live, ["{}", ...lines].join("\n"));
      };
      await flood();
      await viewer.waitFor("attempt", 100);
      const before = await rssOf(service.pid);
      for (let n = 0; n < 299; n += 1) {
        await flood();
        await eventually(() => viewer.of("attempt").length + droppedBy(viewer) === sent);
      }
      expect(droppedBy(viewer)).toBe(0);
      // 30 MB were for each of the 20: 600 MB, had they been kept.
      expect((await rssOf(service.pid)) - before).toBeLessThan(120);
      for (const one of stalled) one[Symbol.dispose]();
    },
    { timeout: 120_000 },
  );

  test(
    "goes on after Valkey was away, and says so",
    async () => {
      const valkey = await ownValkey();
      const prefix = freshPrefix();
      await using service = await startServiceProcess({ valkeyUrl: valkey.url, prefix });
      const receiver = startReceiver();
      await register(service, { user_id: "u_1", url: receiver.url });
      using own = await watch(service, "?user_id=u_1");
      using all = await watch(service);
      await pushEvents(valkey.url, `${prefix}:events`, [eventFor("u_1", 1)]);
      await Promise.all([own.waitFor("attempt"), all.waitFor("attempt")]);

      await valkey.stop();
      const [away] = await all.waitFor("valkey");
      expect(away).toMatchObject({ state: "away", since: expect.any(String) });
      await Bun.sleep(OUTAGE_MS);
      const back = await ownValkey({ port: Number(new URL(valkey.url).port) });
      await Promise.all([own.waitFor("valkey", 2, 20_000), all.waitFor("valkey", 2, 20_000)]);
      // A link may be lost once more, or a store's be late: the server came back a moment ago.
      await eventually(() => expect(own.of("valkey").at(-1)).toEqual({ state: "up", since: null }));
      await eventually(() => register(service, { user_id: "u_1", url: receiver.url }));
      await eventually(
        async () => {
          await pushEvents(back.url, `${prefix}:events`, [eventFor("u_1", 2)]);
          return own.of("attempt").length > 1 && all.of("attempt").length > 1;
        },
        { withinMs: 20_000 },
      );
      await receiver.stop();
      await back.stop();
    },
    { timeout: 120_000 },
  );

  test(
    "SIGTERM ends a process with 50 viewers, 20 of them stalled, with bye and within its grace",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({ FLUXHOOK_SHUTDOWN_GRACE: "5s" });
      const viewers = await Promise.all(Array.from({ length: 30 }, () => watch(service)));
      await Promise.all(Array.from({ length: 20 }, () => stallStream(service.url, API_TOKEN)));
      await Promise.all(viewers.map((viewer) => viewer.waitFor("hello")));
      const startedAt = performance.now();
      expect(await service.stop()).toBe(0);
      expect(performance.now() - startedAt).toBeLessThan(6_000);
      for (const viewer of viewers) {
        expect(viewer.of("bye")).toEqual([{ reason: "stopping" }]);
      }
    },
    { timeout: 60_000 },
  );
});

function droppedBy(viewer: { of(event: string): Record<string, unknown>[] }): number {
  return viewer.of("dropped").reduce((sum, { count }) => sum + Number(count), 0);
}

/** In MB. */
async function rssOf(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1]) / 1_024;
}
