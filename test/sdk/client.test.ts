// The client before the real service on a real Valkey.
import { beforeAll, describe, expect, test } from "bun:test";
import { Flux } from "../../src/sdk/flux.ts";
import { FluxError } from "../../src/sdk/flux-error.ts";
import type { FluxdropEvent } from "../../src/sdk/webhook-events.ts";
import type { WebhookCreated } from "../../src/sdk/webhook.ts";
import { eventually } from "../support/eventually.ts";
import { API_TOKEN, startServiceProcess } from "../support/service.ts";
import { useService } from "../support/use-scene.ts";
import { freshPrefix, ownValkey, testRedis } from "../support/valkey.ts";

const { scene, service } = useService();
let flux: Flux;
let baseUrl: string;

beforeAll(async () => {
  baseUrl = service.url;
  flux = new Flux({ apiKey: API_TOKEN, baseUrl });
});

let owners = 0;
/** Nobody else's. */
const newOwner = () => `u_${++owners}`;

async function rejection(promise: Promise<unknown>): Promise<FluxError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof FluxError) return error;
  }
  throw new Error("it did not reject with a FluxError");
}

async function parked(webhook: WebhookCreated, count: number): Promise<void> {
  const event = { user_id: webhook.user_id ?? "", event: "file.created", data: {} };
  await flux.events.send(Array.from({ length: count }, () => event));
  await eventually(async () => {
    expect(await flux.parked.list({ webhook_id: webhook.id }).toArray()).toHaveLength(count);
  });
}

describe("webhooks", () => {
  test("are created, read, changed, disabled, enabled and deleted", async () => {
    const owner = newOwner();
    const made = await flux.webhooks.create({
      user_id: owner,
      url: "https://example.com/hooks",
      events: ["file.*"],
      dialect: "flux",
    });
    expect(made).toMatchObject({ user_id: owner, events: ["file.*"], dialect: "flux" });
    expect(made.id).toStartWith("wh_");
    expect(made.secret).toStartWith("whsec_");

    const { secret, ...webhook } = made;
    expect(await flux.webhooks.get(made.id)).toEqual(webhook);
    expect(await flux.webhooks.revealSecret(made.id)).toEqual({ secret });
    const changed = await flux.webhooks.update(made.id, { events: ["*"], timeout_ms: 5_000 });
    expect(changed).toMatchObject({ events: ["*"], timeout_ms: 5_000, dialect: "flux" });
    expect(await flux.webhooks.disable(made.id)).toMatchObject({
      enabled: false,
      disabled_reason: "manual",
    });
    expect(await flux.webhooks.enable(made.id)).toMatchObject({ enabled: true });
    await flux.webhooks.delete(made.id);
    const { status, type } = await rejection(flux.webhooks.get(made.id));
    expect({ status, type }).toEqual({ status: 404, type: "urn:fluxhook:problem:not-found" });
  });

  test("are tested with one event, which may succeed or fail", async () => {
    const statuses = [204, 500];
    const receiver = scene.receiver((_, n) => new Response(null, { status: statuses[n] ?? 204 }));
    const { id } = await flux.webhooks.create({ user_id: newOwner(), url: receiver.url });
    const attempt = { webhook_id: id, event: "webhook.test", attempt: 1 };
    expect(await flux.webhooks.test(id)).toMatchObject({ ...attempt, outcome: "delivered" });
    expect(await flux.webhooks.test(id)).toMatchObject({ ...attempt, status_code: 500 });
  });

  test("are listed over all pages, each requested when it is reached", async () => {
    const owner = newOwner();
    const urls = Array.from({ length: 7 }, (_, n) => `https://example.com/${n}`);
    for (const url of urls) await flux.webhooks.create({ user_id: owner, url });
    const list = flux.webhooks.list({ user_id: owner, limit: 3 });

    const seen: string[] = [];
    for await (const { url } of list) seen.push(url);
    expect(seen).toEqual(urls);
    expect((await list.toArray()).map(({ url }) => url)).toEqual(urls);
    expect((await list.toArray({ limit: 4 })).map(({ url }) => url)).toEqual(urls.slice(0, 4));
    expect(await list.toArray({ limit: 0 })).toEqual([]);
    const sizes: number[] = [];
    for await (const page of list.pages()) sizes.push(page.length);
    expect(sizes).toEqual([3, 3, 1]);
    expect(await flux.webhooks.list({ user_id: newOwner() }).toArray()).toEqual([]);
  });

  test("are refused with each fault of the input, and with the id of a webhook that has the url", async () => {
    const webhook = { user_id: newOwner(), url: "https://example.com" };
    const invalid = await rejection(
      flux.webhooks.create({ ...webhook, url: "ftp://example.com", timeout_ms: 1 }),
    );
    expect(invalid).toMatchObject({ status: 422, type: "urn:fluxhook:problem:invalid" });
    expect(invalid.errors.map(({ field }) => field).toSorted()).toEqual(["timeout_ms", "url"]);

    const { id } = await flux.webhooks.create(webhook);
    const duplicate = await rejection(flux.webhooks.create(webhook));
    expect(duplicate).toMatchObject({
      status: 409,
      type: "urn:fluxhook:problem:duplicate-webhook",
      webhook_id: id,
    });
  });

  test("are signed with both secrets after a rotation, and verify accepts either", async () => {
    const receiver = scene.receiver();
    const user_id = newOwner();
    const { id, secret } = await flux.webhooks.create({ user_id, url: receiver.url });
    const rotated = await flux.webhooks.rotateSecret(id, { grace_hours: 1 });
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.previous_expires_at).toBeString();
    expect(await flux.webhooks.revealSecret(id)).toEqual({ secret: rotated.secret });

    // A change counts on every worker within one second.
    const [first] = await eventually(async () => {
      const count = receiver.requests.length;
      await flux.events.send({ user_id, event: "file.created", data: {} });
      const requests = (await receiver.waitFor(count + 1)).slice(count);
      return requests[0]?.headers.get("webhook-signature")?.includes(" ") ? requests : null;
    });
    if (!first) throw new Error("there is no request");
    for (const key of [secret, rotated.secret]) {
      expect(() => flux.webhooks.verify(first.body, first.headers, key)).not.toThrow();
    }
  });
});

describe("events", () => {
  test("are sent, verify, and are in the log", async () => {
    const receiver = scene.receiver();
    const user_id = newOwner();
    const { id, secret } = await flux.webhooks.create({ user_id, url: receiver.url });
    const { ids } = await flux.events.send({
      user_id,
      event: "file.created",
      data: { name: "Å" },
      timestamp: new Date("2026-01-31T12:00:00Z"),
    });
    const [request] = await receiver.waitFor(1);
    if (!request) throw new Error("there is no request");
    const event = flux.webhooks.verify<FluxdropEvent>(request.body, request.headers, secret);
    expect<object>(event).toEqual({
      id: ids[0],
      event: "file.created",
      timestamp: "2026-01-31T12:00:00.000Z",
      data: { name: "Å" },
    });
    const [entry] = await eventually(async () => {
      const log = await flux.logs.list(user_id);
      return log.length > 0 && log;
    });
    expect(entry).toMatchObject({ webhook_id: id, id: ids[0], outcome: "delivered", attempt: 1 });
  });

  test("are pushed once, even if sent repeatedly with one key", async () => {
    const event = { user_id: newOwner(), event: "file.created", data: {} };
    const idempotencyKey = crypto.randomUUID();
    const first = await flux.events.send([event, event], { idempotencyKey });
    expect(await flux.events.send([event, event], { idempotencyKey })).toEqual(first);
    expect(first.ids).toHaveLength(2);
    const other = await rejection(flux.events.send(event, { idempotencyKey }));
    expect(other).toMatchObject({ status: 409, type: "urn:fluxhook:problem:key-reused" });
  });

  test("are refused with the position of each fault", async () => {
    const event = { user_id: newOwner(), event: "file.created", data: {} };
    const error = await rejection(flux.events.send([event, { ...event, event: "no type" }]));
    expect(error.errors.map(({ field, code }) => [field, code])).toEqual([
      ["1.event", "invalid-field"],
    ]);
  });

  test("are not sent without the right token", async () => {
    const stranger = new Flux({ apiKey: "another-token-of-twenty-four", baseUrl });
    const error = await rejection(
      stranger.events.send({ user_id: "u_1", event: "file.created", data: {} }),
    );
    expect(error).toMatchObject({ status: 401, type: "urn:fluxhook:problem:unauthorized" });
  });
});

describe("deliveries", () => {
  test("are redelivered by the id in the log", async () => {
    const receiver = scene.receiver();
    const user_id = newOwner();
    await flux.webhooks.create({ user_id, url: receiver.url });
    await flux.events.send({ user_id, event: "file.created", data: {}, id: "again" });
    const [entry] = await eventually(async () => {
      const log = await flux.logs.list({ user_id });
      return log.length > 0 && log;
    });
    const { delivery_id } = await flux.deliveries.redeliver(entry?.delivery_id ?? "");
    expect(delivery_id).not.toBe(entry?.delivery_id ?? "");
    const requests = await receiver.waitFor(2);
    expect(requests.map(({ headers }) => headers.get("webhook-id"))).toEqual(["again", "again"]);
    expect(await rejection(flux.deliveries.redeliver(crypto.randomUUID()))).toMatchObject({
      status: 404,
    });
  });

  test("that are parked are listed and redelivered, oldest first", async () => {
    let status = 500;
    const receiver = scene.receiver(() => new Response(null, { status }));
    const webhook = await flux.webhooks.create({
      user_id: newOwner(),
      url: receiver.url,
      retry_schedule: ["0s"],
    });
    await parked(webhook, 3);
    const [newest] = await flux.parked.list({ user_id: webhook.user_id, limit: 1 }).toArray();
    expect(newest).toMatchObject({ webhook_id: webhook.id, reason: "http-500", attempt: 1 });

    status = 204;
    const filter = { webhook_id: webhook.id };
    const summary = await flux.parked.summary({ user_id: webhook.user_id });
    expect(summary).toMatchObject({ total: 3, by_reason: [{ reason: newest?.reason, count: 3 }] });
    const others = { ...filter, reason: "blocked-address" };
    expect(await flux.parked.list(others).toArray()).toEqual([]);
    const dry = await flux.parked.redeliver({ ...filter, dry_run: true });
    expect(dry).toEqual({ redelivered: 0, remaining: 3 });
    expect(await flux.parked.redeliver({ ...filter, limit: 2 })).toEqual({
      redelivered: 2,
      remaining: 1,
    });
    expect(await flux.parked.redeliver(filter)).toEqual({ redelivered: 1, remaining: 0 });
    await receiver.waitFor(6);
  });
});

test("the client retries while the Valkey of the service refuses writes", async () => {
  await using stack = new AsyncDisposableStack();
  const valkey = stack.adopt(await ownValkey(), (server) => server.stop());
  const redis = stack.adopt(await testRedis(valkey.url), (client) => client.disconnect());
  const served = stack.use(
    await startServiceProcess({ valkeyUrl: valkey.url, prefix: freshPrefix() }),
  );
  await redis.config("SET", "min-replicas-to-write", "1");
  const client = new Flux({ apiKey: API_TOKEN, baseUrl: served.url, retries: 10 });
  const sending = client.events.send({ user_id: "u_1", event: "file.created", data: {} });
  await eventually(() => served.lines.some((line) => line["event"] === "request.unavailable"));
  await redis.config("SET", "min-replicas-to-write", "0");
  expect((await sending).ids).toHaveLength(1);
});
