// Secrets over the whole path: rotated while deliveries run, sealed in Valkey, read through a change
// of the key that seals them.
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { makeSecret } from "../../src/wire/secret.ts";
import { eventually } from "../support/eventually.ts";
import { pushEvents } from "../support/push-events.ts";
import type { ReceivedRequest, Receiver } from "../support/receiver.ts";
import { eventFor, openScene, register, verifyAll, type Scene } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";

const newKey = () => randomBytes(32).toString("base64");

interface Rotated {
  secret: string;
  previous_expires_at: string | null;
}

async function rotate(service: ServiceProcess, id: string, input?: object): Promise<Rotated> {
  const path = `/v1/webhooks/${id}/rotate-secret`;
  const { status, body } = await service.api<Rotated>("POST", path, input);
  expect(status).toBe(200);
  return body;
}

/** What receivers of Standard Webhooks say to the request who know this secret. */
function verifyStandard({ headers, text }: ReceivedRequest, secret: string): void {
  const fields = Object.fromEntries(headers) as Record<string, string>;
  new StandardWebhook(secret).verify(text, fields);
  new SvixWebhook(secret).verify(text, fields);
}

const signatures = ({ headers }: ReceivedRequest) => headers.get("webhook-signature")!.split(" ");

/** Pushes an event at a time until one arrives with so many signatures; answers that request. */
function deliveredWith(
  count: number,
  { receiver, push }: { receiver: Receiver; push: () => Promise<void> },
): Promise<ReceivedRequest> {
  return eventually(async () => {
    const before = receiver.requests.length;
    await push();
    const request = (await receiver.waitFor(before + 1))[before]!;
    return signatures(request).length === count ? request : null;
  });
}

async function storedText(scene: Scene): Promise<string> {
  return Object.values(await scene.redis.hgetall(`${scene.prefix}:webhooks:user:u_1`)).join();
}

test("within the grace period requests verify with the old and the new secret, afterwards only with the new", async () => {
  await using scene = await openScene();
  const service = await scene.serve({ FLUXHOOK_SECRET_KEY: newKey() });
  const receiver = scene.receiver();
  const { id, secret: old } = await register(service, { user_id: "u_1", url: receiver.url });
  const to = { receiver, push: () => scene.push(eventFor("u_1")) };
  verifyAll(await deliveredWith(1, to), old);

  const { secret, previous_expires_at } = await rotate(service, id);
  expect(Date.parse(previous_expires_at!) - Date.now()).toBeGreaterThan(23 * 3_600_000);
  const inGrace = await deliveredWith(2, to);
  verifyAll(inGrace, secret);
  verifyStandard(inGrace, old);
  expect(() => verifyAll(inGrace, old)).toThrow("X-Fluxdrop-Signature differs");

  // The same secret again with a shorter grace, so that the test sees its end.
  const { previous_expires_at: end } = await rotate(service, id, { secret, grace_hours: 0.0003 });
  const after = await deliveredWith(1, to);
  expect(after.at).toBeGreaterThanOrEqual(Date.parse(end!));
  verifyAll(after, secret);
  expect(() => verifyStandard(after, old)).toThrow();
});

test("a secret rotated through one process is used by the others too", async () => {
  await using scene = await openScene();
  const key = { FLUXHOOK_SECRET_KEY: newKey() };
  const here = await scene.serve(key);
  // A list of its own, so that it is known who delivers.
  const elsewhere = `${scene.prefix}:elsewhere`;
  await scene.serve({ ...key, FLUXHOOK_QUEUE: elsewhere });
  const receiver = scene.receiver();
  const { id, secret: old } = await register(here, { user_id: "u_1", url: receiver.url });
  const push = () => pushEvents(scene.valkey.url, elsewhere, [eventFor("u_1")]);
  verifyAll(await deliveredWith(1, { receiver, push }), old);

  const brought = makeSecret();
  await rotate(here, id, { secret: brought });
  const request = await deliveredWith(2, { receiver, push });
  verifyAll(request, brought);
  verifyStandard(request, old);
});

test("FLUXHOOK_SECRET_KEY can be changed: put the new key first, start, then remove the old one", async () => {
  await using scene = await openScene();
  const [oldKey, key] = [newKey(), newKey()];
  const receiver = scene.receiver();
  const url = receiver.url;
  let service = await scene.serve();
  const inPlain = await register(service, { user_id: "u_1", url, headers: { "X-A": "of-plain" } });
  expect(service.lines.find(({ event }) => event === "secrets.in_plain")).toMatchObject({
    level: "warn",
  });
  await service.stop();

  // From plain to the first key, to the next one, and on with that one alone.
  for (const keys of [oldKey, `${key},${oldKey}`]) {
    service = await scene.serve({ FLUXHOOK_SECRET_KEY: keys });
    const done = await eventually(
      () => service.lines.find(({ event }) => event === "secrets.sealed") ?? null,
    );
    expect(done).toMatchObject({ level: "info", webhooks: 1, done: true });
    const text = await storedText(scene);
    expect(text).not.toContain(inPlain.secret);
    expect(text).not.toContain("of-plain");
    await service.stop();
  }
  await scene.serve({ FLUXHOOK_SECRET_KEY: key });
  await scene.push(eventFor("u_1"));
  const [request] = await receiver.waitFor(1);
  verifyAll(request!, inPlain.secret);
  expect(request!.headers.get("x-a")).toBe("of-plain");
});

test("a webhook whose secret's key is missing has its events parked, and delivered when the key is back", async () => {
  await using scene = await openScene();
  const key = newKey();
  const receiver = scene.receiver();
  let service = await scene.serve({ FLUXHOOK_SECRET_KEY: key });
  const { id, secret } = await register(service, { user_id: "u_1", url: receiver.url });
  await service.stop();

  service = await scene.serve({ FLUXHOOK_SECRET_KEY: newKey() });
  await scene.push(eventFor("u_1", 1), eventFor("u_1", 2));
  await eventually(async () => (await scene.redis.zcard(`{${scene.queue}}:parked`)) === 2);
  const about = await service.api("GET", `/v1/webhooks/${id}`);
  expect(about.status).toBe(200);
  expect(about.body).toMatchObject({ enabled: false, disabled_reason: "secret-unreadable" });
  const revealed = await service.api("GET", `/v1/webhooks/${id}/secret`);
  expect([revealed.status, String(revealed.body["detail"])]).toEqual([
    409,
    expect.stringContaining("FLUXHOOK_SECRET_KEY"),
  ]);
  const told = service.lines.filter(({ event }) => event === "webhook.secret_unreadable");
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ level: "error", webhook_id: id, why: "unknown-key" });
  const alert = JSON.parse(
    await eventually(() => scene.redis.lindex(`${scene.prefix}:alerts`, 0)),
  ) as object;
  expect(alert).toMatchObject({ kind: "webhook.disabled", reason: "secret-unreadable" });
  await eventually(() => service.lines.some(({ event }) => event === "secrets.unreadable"));
  await service.stop();

  expect(receiver.requests).toHaveLength(0);
  service = await scene.serve({ FLUXHOOK_SECRET_KEY: key });
  const { body } = await service.api("POST", "/v1/parked/redeliver", { user_id: "u_1" });
  expect(body).toEqual({ redelivered: 2, remaining: 0 });
  for (const request of await receiver.waitFor(2)) verifyAll(request, secret);
});
