// The whole worker on a real Valkey and a real receiver: what no single stage shows.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readSettings, type Settings } from "../../src/config.ts";
import { sharedKeys } from "../../src/valkey/keys.ts";
import { LogStore } from "../../src/valkey/log-store.ts";
import { ParkedStore } from "../../src/valkey/parked-store.ts";
import { QueueStore } from "../../src/valkey/queue-store.ts";
import { RejectedStore } from "../../src/valkey/rejected-store.ts";
import { WebhookStore } from "../../src/valkey/webhook-store.ts";
import { Worker, type WorkerOptions } from "../../src/worker/worker.ts";
import { eventually } from "../support/eventually.ts";
import { startReceiver, type Receiver } from "../support/receiver.ts";
import { freshPrefix, sharedValkey } from "../support/valkey.ts";
import { deliveryHeader, QueueLab, TestQueue } from "../valkey/test-queue.ts";
import { webhookRecord } from "../valkey/webhook-records.ts";
import { logLines, type LogLines } from "./log-lines.ts";

let lab: QueueLab;
let receiver: Receiver;
beforeAll(async () => {
  lab = await QueueLab.open();
  receiver = startReceiver();
});
afterAll(async () => {
  lab.close();
  await receiver.stop();
});

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

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
      const worker = new Worker({ settings, log, ...options }).start();
      stops.push(() => worker.drain(0));
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

test("an element whose worker ended five times is set aside; after four it is run", async () => {
  const { queue, webhooks, settings, start } = await open();
  await webhooks.create(webhookRecord({ url: `${receiver.url}/crashed` }));
  await queue.push(event("five"));
  await crash(queue, 5);
  await start();
  const rejected = new RejectedStore(lab.link, sharedKeys(settings.PREFIX), {
    most: 10,
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
  const parked = await new ParkedStore(lab.link, queue.store.queue).find("d1");
  expect(parked).toMatchObject({ reason: "crashed-worker", event: "file.created" });
  expect(receiver.requests.filter(({ path }) => path === "/parked")).toEqual([]);
});

test("what waits in a lane goes out after an outage of the worker's connection", async () => {
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
    const id = /^id=(\d+) .* name=fluxhook-worker /.exec(line)?.[1];
    if (id) await lab.redis.call("CLIENT", "KILL", "ID", id);
  }
  await eventually(() => log.of("valkey.lost").length > 0);
  hanging.resolve();
  await eventually(async () => expect(await queue.ended()).toEqual({ delivered: 12 }));
  await slow.stop();
});

test("a worker that was drained is known no more, however often it beats", async () => {
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
  stops.length = 0;
});
