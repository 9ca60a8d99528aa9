// The whole worker on a real Valkey and a real receiver: what no single stage shows.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readSettings, type Settings } from "../../src/config/settings.ts";
import { sharedKeys } from "../../src/valkey/keys.ts";
import { LogStore } from "../../src/valkey/history/log-store.ts";
import { ParkedStore } from "../../src/valkey/queue/parked-store.ts";
import type { DeliveryHeader } from "../../src/valkey/queue/item.ts";
import { type Settlement } from "../../src/valkey/queue/settlement.ts";
import { QueueStore } from "../../src/valkey/queue/queue-store.ts";
import { RejectedStore } from "../../src/valkey/queue/rejected-store.ts";
import { WebhookStore } from "../../src/valkey/webhooks/webhook-store.ts";
import { openWorker, type WorkerOptions } from "../../src/service/open-worker.ts";
import { createEgress } from "../../src/delivery/egress.ts";
import { ChangeStream } from "../../src/valkey/connection/change-stream.ts";
import { Link } from "../../src/valkey/connection/link.ts";
import { openStores } from "../../src/valkey/stores.ts";
import { Counters } from "../../src/stats/counters.ts";
import { LiveFeed } from "../../src/worker/after/live-feed.ts";
import { WakeUp } from "../../src/worker/wake-up.ts";
import { Alerter } from "../../src/worker/after/alerts.ts";
import type { Worker } from "../../src/worker/worker.ts";
import { eventually } from "../support/eventually.ts";
import { startReceiver, type Receiver } from "../support/receiver.ts";
import { useStops } from "../support/use-opened.ts";
import { freshPrefix, sharedValkey } from "../support/valkey.ts";
import { deliveryHeader, named, TestQueue } from "../valkey/queue/test-queue.ts";
import { useLab } from "../valkey/queue/use-lab.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";
import { logLines, type LogLines } from "./log-lines.ts";

const lab = useLab();
let receiver: Receiver;
beforeAll(() => void (receiver = startReceiver()));
afterAll(() => receiver.stop());
const afterTest = useStops();

interface Scene {
  settings: Settings;
  queue: TestQueue;
  webhooks: WebhookStore;
  log: LogLines;
  start: (options?: Partial<WorkerOptions>) => Promise<Worker>;
}

async function open(): Promise<Scene> {
  const prefix = freshPrefix();
  const settings = readSettings({
    FLUXHOOK_PREFIX: prefix,
    FLUXHOOK_VALKEY_URL: (await sharedValkey()).url,
    FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8",
  });
  const log = logLines();
  return {
    settings,
    queue: new TestQueue(new QueueStore(lab.link, `${prefix}:events`), lab.redis),
    webhooks: new WebhookStore(lab.link, sharedKeys(prefix)),
    log,
    async start(options = {}) {
      const link = new Link({
        url: settings.VALKEY_URL,
        name: "fluxhook",
        deadlineMs: 3_000,
        onDown: (reason) => log.warn({ reason }, "valkey.lost"),
      }).open();
      const stores = openStores(link, settings);
      const claimerWakeUp = new WakeUp();
      const worker = openWorker({
        settings,
        link,
        stores,
        changes: new ChangeStream({
          url: settings.VALKEY_URL,
          name: "fluxhook-changes",
          key: stores.keys.changes,
        }),
        egress: createEgress(settings),
        limits: { maxEventBytes: settings.MAX_EVENT_BYTES, eventTypes: "open" },
        alerter: new Alerter({
          store: stores.alerts,
          queue: stores.intake,
          webhooks: stores.webhooks,
          url: undefined,
          secret: undefined,
          claimer: claimerWakeUp,
          log,
        }),
        live: new LiveFeed({ publish: (text) => stores.live.publish(text) }),
        traces: { tracer: null },
        claimerWakeUp,
        log,
        counters: new Counters(),
        ...options,
      }).start();
      afterTest(async () => {
        await worker.drain(0);
        link.close();
      });
      await worker.whenConnected();
      return worker;
    },
  };
}

const event = (id: string, userId = "u_1") =>
  JSON.stringify({ user_id: userId, event: "file.created", id, data: {} });

/** Its worker ends as often while it holds the one thing that there is to claim. */
async function crash(queue: TestQueue, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const worker = `dead-${i}`;
    await queue.join(worker);
    await queue.claimOne(worker);
    await queue.expireLease(worker);
    await queue.store.takeOver(worker, 10_000);
  }
}

test("an element whose worker ended five times is set aside, after four times it is run", async () => {
  const { queue, webhooks, settings, start } = await open();
  await webhooks.create(webhookRecord({ url: `${receiver.url}/crashed` }));
  await queue.push(event("five"));
  await crash(queue, 5);
  await start();
  const rejected = new RejectedStore(lab.link, sharedKeys(settings.PREFIX), {
    max: 10,
    ttlMs: 60_000,
  });
  await eventually(async () => {
    expect((await rejected.list(null, 10)).rejected).toMatchObject([
      { reason: "crashed-worker", raw: event("five") },
    ]);
  });

  const other = await open();
  await other.webhooks.create(webhookRecord({ url: `${receiver.url}/crashed` }));
  await other.queue.push(event("four"));
  await crash(other.queue, 4);
  await other.start();
  await eventually(async () => expect(await other.queue.ended()).toEqual({ delivered: 1 }));
  const sent = receiver.requests.filter(({ path }) => path === "/crashed");
  expect(sent.map(({ text }) => (JSON.parse(text) as { id: string }).id)).toEqual(["four"]);
});

test("a delivery whose worker ended five times is parked, and no request is made", async () => {
  const { queue, webhooks, start } = await open();
  const record = webhookRecord({ url: `${receiver.url}/parked` });
  await webhooks.create(record);
  await queue.store.enqueue(deliveryHeader("d1", { webhook_id: record.id }), event("x"));
  await crash(queue, 5);
  await start();
  await eventually(async () => expect(await queue.places()).toEqual({ parked: [event("x")] }));
  const parked = await new ParkedStore(lab.link, queue.store.queue).find(named("d1"));
  expect(parked).toMatchObject({ reason: "crashed-worker", event: "file.created" });
  expect(receiver.requests.filter(({ path }) => path === "/parked")).toEqual([]);
});

test("deliveries in a lane are sent after an outage of the worker's connection", async () => {
  const hanging = Promise.withResolvers<void>();
  const slow = startReceiver(async () => {
    await hanging.promise;
    return new Response(null, { status: 204 });
  });
  const { queue, webhooks, start, log } = await open();
  await webhooks.create(webhookRecord({ url: slow.url }));
  await queue.push(...Array.from({ length: 12 }, (_, i) => event(`e${i}`)));
  await start();
  // Eight are in flight, the others found no slot.
  await eventually(async () => expect((await queue.places()).lane).toHaveLength(4));
  const clients = String(await lab.redis.call("CLIENT", "LIST"));
  for (const line of clients.split("\n")) {
    const id = /^id=(\d+) .* name=fluxhook /.exec(line)?.[1];
    if (id) await lab.redis.call("CLIENT", "KILL", "ID", id);
  }
  await eventually(() => log.of("valkey.lost").length > 0);
  hanging.resolve();
  await eventually(async () => expect(await queue.ended()).toEqual({ delivered: 12 }));
  await slow.stop();
});

test("a worker finds work that nobody announced to it, with its next heartbeat", async () => {
  const { queue, webhooks, start } = await open();
  await webhooks.create(webhookRecord({ url: receiver.url }));
  await queue.push(event("a"));
  await start({ heartbeatMs: 50 });
  await eventually(async () => expect(await queue.ended()).toEqual({ delivered: 1 }));
  // As another process returns a claim.
  await lab.redis.lpush(
    queue.store.keys.ready,
    `0 e ${JSON.stringify({ claim: "gone-1", at: Date.now() })}\n${event("b")}`,
  );
  // Without the heartbeat, the claimer would look after ten seconds.
  await eventually(async () => expect(await queue.ended()).toEqual({ delivered: 2 }), {
    withinMs: 5_000,
  });
});

test("a drained worker is no longer known, even if it sends heartbeats", async () => {
  const { queue, webhooks, settings, start } = await open();
  const record = webhookRecord({ url: receiver.url });
  await webhooks.create(record);
  const worker = await start({ heartbeatMs: 1 });
  await queue.push(event("a"));
  await eventually(async () => expect(await queue.ended()).toEqual({ delivered: 1 }));

  expect(await worker.drain(10_000)).toEqual({ putBack: 0 });

  expect(await lab.redis.exists(queue.store.keys.workers)).toBe(0);
  expect(await queue.places()).toEqual({});
  const logs = new LogStore(lab.link, sharedKeys(settings.PREFIX), { size: 10, ttlMs: 1_000 });
  expect(await logs.read("user:u_1")).toHaveLength(1);
});

const lanesOf = async ({ queue }: Scene, webhookId: string) =>
  lab.redis.llen(`${queue.store.keys.base}:lane:${webhookId}`);

// Slower than the wait for a slot, and faster: the retry goes to the lane's head, or gets the next slot.
test.each([{ answersInMs: 120 }, { answersInMs: 10 }])(
  "a due retry does not wait behind a lane of 1,000 first attempts (answers in $answersInMs ms)",
  async ({ answersInMs }) => {
    const order: string[] = [];
    const busy = startReceiver(async ({ text }) => {
      order.push((JSON.parse(text) as { id: string }).id);
      await Bun.sleep(answersInMs);
      return new Response(null, { status: 204 });
    });
    afterTest(() => busy.stop());
    const scene = await open();
    const { queue, webhooks, start, settings } = scene;
    const record = webhookRecord({ url: busy.url });
    await webhooks.create(record);
    await queue.join("filler");
    const names = Array.from({ length: 1_000 }, (_, i) => `first-${i}`);
    await queue.push(...names.map((name) => event(name)), event("retry"));
    const claims = await queue.claim("filler", { maxItems: 2_000, maxFromList: 2_000 });
    const settlements = claims.map((claim, i) => {
      const delivery = named(`d${i}`);
      const fields = { webhook_id: record.id, id: names[i] ?? "retry" };
      return i < names.length
        ? { claim, settlement: lane(record.id, deliveryHeader(delivery, fields)) }
        : { claim, settlement: dueRetry(deliveryHeader(delivery, { ...fields, attempt: 2 })) };
    });
    await queue.store.settle("filler", settlements.slice(0, -1));
    await start({ settings: { ...settings, WEBHOOK_CONCURRENCY: 2 } });
    await busy.waitFor(20, { withinMs: 20_000 });
    const before = order.length;

    await queue.store.settle("filler", settlements.slice(-1));

    await eventually(() => order.includes("retry"), { withinMs: 20_000 });
    expect(order.indexOf("retry") - before).toBeLessThan(20);
    expect(await lanesOf(scene, record.id)).toBeGreaterThan(500);
  },
);

function lane(webhookId: string, header: DeliveryHeader): Settlement {
  return { verb: "lane", webhookId, header };
}

function dueRetry(header: DeliveryHeader): Settlement {
  const { delivery } = header;
  return { verb: "retry", delivery, delayMs: 0, header };
}

test("an unreadable item is set aside with its bytes and an alert, and the others go on", async () => {
  const { queue, webhooks, settings, log, start } = await open();
  const record = webhookRecord({ url: `${receiver.url}/beside-unreadable` });
  await webhooks.create(record);
  const good = deliveryHeader("d1", { webhook_id: record.id });
  await queue.store.enqueue(good, event("good"));
  await lab.redis.rpush(queue.store.keys.ready, "no item");
  await start();
  await eventually(async () => {
    expect(await queue.ended()).toEqual({ delivered: 1, rejected: 1 });
  });
  const keys = sharedKeys(settings.PREFIX);
  const rejected = new RejectedStore(lab.link, keys, { max: 10, ttlMs: 60_000 });
  expect((await rejected.list(null, 10)).rejected).toMatchObject([
    { reason: "unreadable", raw: "no item", queue: queue.store.queue },
  ]);
  await eventually(() => log.of("alert.raised").length > 0);
  expect(log.of("alert.raised")).toMatchObject([{ kind: "item.unreadable" }]);
});

test("an element that is claimed in part is rejected with its whole size", async () => {
  const { queue, settings, start } = await open();
  await queue.push(Buffer.alloc(3 * 1024 * 1024, "é"));
  await start();
  await eventually(async () => expect(await queue.ended()).toEqual({ rejected: 1 }));
  const keys = sharedKeys(settings.PREFIX);
  const rejected = new RejectedStore(lab.link, keys, { max: 10, ttlMs: 60_000 });
  const [one] = (await rejected.list(null, 10)).rejected as { raw: string }[];
  expect(one).toMatchObject({ reason: "too-large", size: 3 * 1024 * 1024, cut: true });
  expect(one?.raw).toBe("é".repeat(32 * 1024));
});

test("an owner's events wait while its webhooks cannot be read, and others' are delivered", async () => {
  const { queue, webhooks, settings, log, start } = await open();
  const url = `${receiver.url}/unreadable-webhooks`;
  await webhooks.create(webhookRecord({ user_id: "well", url: `${url}/well` }));
  const keys = sharedKeys(settings.PREFIX);
  await lab.redis.set(keys.webhooks("user:ill"), "no hash");
  await queue.push(event("ill-1", "ill"), event("well-1", "well"));
  await start();
  await eventually(async () => {
    expect(await queue.ended()).toEqual({ delivered: 1 });
    expect((await queue.places()).schedule).toEqual([event("ill-1", "ill")]);
  });
  expect(log.of("key.wrong_type")[0]).toMatchObject({
    problem: expect.stringContaining(`the key ${keys.webhooks("user:ill")} is a string`),
  });
  await lab.redis.del(keys.webhooks("user:ill"));
  await webhooks.create(webhookRecord({ user_id: "ill", url: `${url}/ill` }));
  await eventually(async () => expect(await queue.ended()).toEqual({ delivered: 2 }), {
    withinMs: 20_000,
  });
});
