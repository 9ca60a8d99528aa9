// What an operator hears, and what is switched off by itself.
import { expect, test } from "bun:test";
import { fluxdrop } from "../../src/wire/dialects/fluxdrop.ts";
import { makeSecret } from "../../src/wire/secret.ts";
import { verifyRequest } from "../../src/wire/verify.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register, type Scene } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";
import { testRedis } from "../support/valkey.ts";

interface Alert {
  kind: string;
  webhook_id?: string;
  reason?: string;
  event_id?: string;
}

async function alertsOf(scene: Scene): Promise<Alert[]> {
  const texts = await scene.redis.lrange(`${scene.prefix}:alerts`, 0, -1);
  return texts.map((text) => JSON.parse(text) as Alert);
}

async function parkedIn(scene: Scene): Promise<number> {
  return scene.redis.zcard(`{${scene.queue}}:parked`);
}

async function isEnabled(service: ServiceProcess, id: string): Promise<boolean> {
  const { body } = await service.api<{ enabled: boolean }>("GET", `/v1/webhooks/${id}`);
  return body.enabled;
}

test("a parked delivery raises one alert per webhook: on the list, the channel, the log, and by a signed request", async () => {
  await using scene = await openScene();
  const secret = makeSecret();
  const alerts = scene.receiver();
  const subscriber = await testRedis(scene.valkey.url);
  const published: string[] = [];
  subscriber.on("message", (_, message) => published.push(message));
  await subscriber.subscribe(`${scene.prefix}:alerts`);
  const service = await scene.serve({
    FLUXHOOK_ALERT_URL: alerts.url,
    FLUXHOOK_ALERT_SECRET: secret,
  });
  const failing = scene.receiver(() => new Response(null, { status: 500 }));
  const webhook = await register(service, {
    user_id: "u_1",
    url: failing.url,
    retry_schedule: ["0s"],
  });
  await scene.push(eventFor("u_1", 1), eventFor("u_1", 2), eventFor("u_1", 3));
  const [request] = await alerts.waitFor(1);
  await eventually(async () => (await parkedIn(scene)) === 3);

  if (!request) throw new Error("no alert came");
  const verification = await verifyRequest({
    dialect: fluxdrop,
    secret,
    headers: request.headers,
    body: request.body,
    nowSeconds: Date.now() / 1_000,
  });
  expect(verification).toEqual({ ok: true });
  expect(request.headers.get("x-fluxdrop-event")).toBe("alert.delivery.parked");
  const all = await alertsOf(scene);
  expect(all).toHaveLength(1);
  expect(all[0]).toMatchObject({
    kind: "delivery.parked",
    webhook_id: webhook.id,
    reason: "http-500",
  });
  expect(JSON.parse(request.text).data).toEqual(all[0]);
  expect(published.map((text) => JSON.parse(text) as Alert)).toEqual(all);
  expect(service.lines.filter(({ event }) => event === "alert.raised")).toHaveLength(1);
  expect(alerts.requests).toHaveLength(1);
  subscriber.disconnect();
});

test("an alert that cannot be delivered raises no alert", async () => {
  await using scene = await openScene();
  const alerts = scene.receiver(() => new Response(null, { status: 410 }));
  const service = await scene.serve({
    FLUXHOOK_ALERT_URL: alerts.url,
    FLUXHOOK_ALERT_SECRET: makeSecret(),
  });
  const failing = scene.receiver(() => new Response(null, { status: 500 }));
  await register(service, { user_id: "u_1", url: failing.url, retry_schedule: ["0s"] });
  await scene.push(eventFor("u_1"));
  await alerts.waitFor(1);
  // The alert's own delivery is parked as well; an alert about it would have been raised by then.
  await eventually(async () => (await parkedIn(scene)) === 2);
  await eventually(
    async () => (await scene.redis.llen(`${scene.prefix}:org-logs:fluxhook.alerts`)) === 1,
  );

  expect((await alertsOf(scene)).map(({ kind }) => kind)).toEqual(["delivery.parked"]);
});

test("a 410 disables the webhook at once, and its later events are parked", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver(() => new Response(null, { status: 410 }));
  const webhook = await register(service, {
    user_id: "u_1",
    url: receiver.url,
    events: ["file.created"],
  });
  await scene.push(eventFor("u_1", 1));
  await eventually(async () => !(await isEnabled(service, webhook.id)));
  await eventually(async () =>
    (await alertsOf(scene)).some(({ kind }) => kind === "webhook.disabled"),
  );
  // Workers follow one stream of changes: one that knows the later webhook knows of the disabling.
  const later = scene.receiver();
  await register(service, { user_id: "u_1", url: later.url, events: ["later.sent"] });
  await eventually(async () => {
    await scene.push(eventFor("u_1", 0, "later.sent"));
    return later.requests.length > 0;
  });
  await scene.push(eventFor("u_1", 2), eventFor("u_1", 3));
  await eventually(async () => (await parkedIn(scene)) === 3);

  expect(receiver.requests).toHaveLength(1);
  const { body } = await service.api("GET", `/v1/webhooks/${webhook.id}`);
  expect(body).toMatchObject({ enabled: false, disabled_reason: "gone" });
});

test("a disable rule counts consecutive failures; a success or enabling the webhook resets the count", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  let status = 500;
  const receiver = scene.receiver(() => new Response(null, { status }));
  const webhook = await register(service, {
    user_id: "u_1",
    url: receiver.url,
    retry_schedule: ["0s"],
    disable_rule: { consecutive_failures: 6 },
  });
  const send = async (times: number) => {
    const before = receiver.requests.length;
    for (let i = 1; i <= times; i += 1) {
      await scene.push(eventFor("u_1", before + i));
      await receiver.waitFor(before + i);
    }
  };
  const failures = async () => {
    const { body } = await service.api<{ health: { consecutive_failures: number } }>(
      "GET",
      `/v1/webhooks/${webhook.id}`,
    );
    return body.health.consecutive_failures;
  };
  await send(5);
  await eventually(async () => (await failures()) === 5);
  status = 200;
  await send(1);
  await eventually(async () => (await failures()) === 0);
  // Five in a row and then a success: told as a recovery.
  await eventually(async () =>
    (await alertsOf(scene)).some(({ kind }) => kind === "webhook.recovered"),
  );
  status = 503;
  await send(5);
  await eventually(async () => (await failures()) === 5);
  expect(await isEnabled(service, webhook.id)).toBe(true);
  await send(1);
  await eventually(async () => !(await isEnabled(service, webhook.id)));

  await service.api("POST", `/v1/webhooks/${webhook.id}/enable`);
  expect(await failures()).toBe(0);
  const { body } = await service.api("GET", `/v1/webhooks/${webhook.id}`);
  expect(body).toMatchObject({ enabled: true, disabled_reason: null });
});

test("events that wait longer than FLUXHOOK_ALERT_AGE raise an alert", async () => {
  await using scene = await openScene();
  const service = await scene.serve({ FLUXHOOK_ALERT_AGE: "1s", FLUXHOOK_CONCURRENCY: "1" });
  const slow = scene.receiver(async () => {
    await Bun.sleep(300);
    return new Response(null, { status: 204 });
  });
  await register(service, { user_id: "u_1", url: slow.url });
  await scene.push(...Array.from({ length: 30 }, (_, n) => eventFor("u_1", n)));
  const delayed = await eventually(
    async () => (await alertsOf(scene)).find(({ kind }) => kind === "queue.delayed") ?? null,
    { withinMs: 20_000 },
  );
  expect(delayed).toMatchObject({ queue: scene.queue });
});
