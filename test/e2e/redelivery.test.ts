// Redelivering through the API: scheduled, parked and delivered ones, and what becomes of deliveries
// when their webhook is switched off, deleted, or moved to another url.
import type { DeliveryId } from "../../src/wire/ids.ts";
import { expect, test } from "bun:test";
import { attemptUuid, ownerTag } from "../../src/valkey/queue/delivery-id.ts";
import type { StoredAttempt } from "../../src/valkey/history/body-store.ts";
import { queueKeys, sharedKeys } from "../../src/valkey/keys.ts";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { eventually } from "../support/eventually.ts";
import { hang, type ReceivedRequest, type Respond } from "../support/receiver.ts";
import { eventFor, numberOf, register } from "../support/serve-scene.ts";
import { useService } from "../support/use-scene.ts";

interface Parked {
  delivery_id: string;
  user_id: string;
  webhook_id: string;
  id: string;
  reason: string;
  attempt: number;
}

const { scene, service } = useService();

/** Answers the statuses one after the other, then 204. */
const answers =
  (...statuses: number[]): Respond =>
  (_request, index) =>
    new Response(null, { status: statuses[index] ?? 204 });

const uuidOf = ({ headers }: ReceivedRequest) =>
  (headers.get("x-fluxdrop-delivery") ?? "") as DeliveryId;
const idOf = ({ headers }: ReceivedRequest) => headers.get("webhook-id") ?? "";
const redeliver = (uuid: string) =>
  service.api<{ delivery_id: DeliveryId; type: string }>(
    "POST",
    `/v1/deliveries/${uuid}/redeliver`,
  );
const redeliverParked = (filter: object) =>
  service.api<{ redelivered: number; remaining: number }>("POST", "/v1/parked/redeliver", filter);

/** What is parked of the owner, newest first, once there is as much. */
function parkedOf(owner: string, count: number): Promise<Parked[]> {
  return eventually(async () => {
    const { body } = await service.api<{ parked: Parked[] }>("GET", `/v1/parked?user_id=${owner}`);
    return body.parked.length === count && body.parked;
  });
}

/** The owner's log, newest first, once its newest entry is of that attempt. */
function logUpTo(owner: string, uuid: string): Promise<LogEntry[]> {
  return eventually(async () => {
    const entries = await scene.logOf(owner);
    return entries[0]?.delivery_id === uuid && entries;
  });
}

test("redelivering a scheduled delivery runs it now, as its next attempt", async () => {
  const receiver = scene.receiver(answers(500));
  await register(service, { user_id: "u_now", url: receiver.url });
  await scene.push(eventFor("u_now"));
  const [first] = await receiver.waitFor(1);
  const answer = await eventually(async () => {
    const tried = await redeliver(uuidOf(first!));
    // 409 until the attempt is settled.
    return tried.status === 202 && tried;
  });

  const second = (await receiver.waitFor(2))[1]!;
  expect(answer).toEqual({ status: 202, body: { delivery_id: uuidOf(second) } } as typeof answer);
  expect(uuidOf(second)).not.toBe(uuidOf(first!));
  expect([idOf(second), second.text]).toEqual([idOf(first!), first!.text]);
  const [entry] = await logUpTo("u_now", uuidOf(second));
  expect(entry).toMatchObject({ attempt: 2, outcome: "delivered" });
});

test("redelivering a parked delivery makes a new one with the same event id and body", async () => {
  const receiver = scene.receiver(answers(500));
  // Larger than what is kept of others: a parked one has its bytes with it.
  const large = `{"user_id":"u_parked","event":"a.b","data":{"x":"${"x".repeat(20_000)}"}}`;
  await register(service, { user_id: "u_parked", url: receiver.url, retry_schedule: ["0s"] });
  await scene.push(large);
  const [parked] = await parkedOf("u_parked", 1);
  const [first] = await receiver.waitFor(1);
  expect(parked).toMatchObject({
    delivery_id: uuidOf(first!),
    id: idOf(first!),
    reason: "http-500",
    attempt: 1,
  });

  const answer = await redeliver(uuidOf(first!));
  const second = (await receiver.waitFor(2))[1]!;
  expect(answer.status).toBe(202);
  expect(answer.body.delivery_id).toBe(uuidOf(second));
  expect(uuidOf(second)).not.toBe(uuidOf(first!));
  expect([idOf(second), second.text]).toEqual([idOf(first!), first!.text]);
  await parkedOf("u_parked", 0);
});

test("redelivering a delivered one delivers it again, as attempt 1", async () => {
  const receiver = scene.receiver();
  await register(service, { user_id: "u_twice", url: receiver.url });
  await scene.push(eventFor("u_twice"));
  const [first] = await receiver.waitFor(1);
  await logUpTo("u_twice", uuidOf(first!));
  const answer = await eventually(async () => {
    const tried = await redeliver(uuidOf(first!));
    return tried.status === 202 && tried;
  });

  const second = (await receiver.waitFor(2))[1]!;
  expect(uuidOf(second)).toBe(answer.body.delivery_id);
  expect([idOf(second), second.text]).toEqual([idOf(first!), first!.text]);
  const [entry] = await logUpTo("u_twice", uuidOf(second));
  expect(entry).toMatchObject({ attempt: 1, outcome: "delivered" });
});

test("redelivering a delivered one of more than 16 KiB is answered with 410", async () => {
  const receiver = scene.receiver();
  await register(service, { user_id: "u_large", url: receiver.url });
  await scene.push(`{"user_id":"u_large","event":"a.b","data":{"x":"${"x".repeat(16_384)}"}}`);
  const [first] = await receiver.waitFor(1);
  const answer = await eventually(async () => {
    const tried = await redeliver(uuidOf(first!));
    return tried.status !== 404 && tried;
  });
  expect(answer.status).toBe(410);
});

test("redelivering a delivery whose next attempt is in flight is answered with 409", async () => {
  const receiver = scene.receiver((_request, index) =>
    index === 0 ? new Response(null, { status: 500 }) : hang(),
  );
  const url = receiver.url;
  await register(service, { user_id: "u_flying", url, retry_schedule: ["0s", "0s"] });
  await scene.push(eventFor("u_flying"));
  const [first] = await receiver.waitFor(2);
  const answer = await eventually(async () => {
    const tried = await redeliver(uuidOf(first!));
    return tried.status !== 404 && tried;
  });
  expect(answer.status).toBe(409);
  expect(answer.body.type).toBe("urn:fluxhook:problem:in-flight");
  expect(receiver.requests).toHaveLength(2);
});

test("the tenth last delivery can be redelivered, the eleventh last cannot", async () => {
  const receiver = scene.receiver();
  await register(service, { user_id: "u_eleven", url: receiver.url });
  const key = sharedKeys(scene.prefix).bodies(ownerTag("user:u_eleven"));
  const kept = async () => {
    const texts = await scene.redis.lrange(key, 0, -1);
    // The first line of each; the body follows it.
    const lines = texts.map((text) => text.split("\n", 1)[0] ?? "");
    return lines.map((line) => attemptUuid((JSON.parse(line) as StoredAttempt).header));
  };
  await scene.push(...Array.from({ length: 10 }, (_, n) => eventFor("u_eleven", n)));
  await eventually(async () => expect(await kept()).toHaveLength(10));
  const [eleventhLast, tenthLast] = (await kept()).toReversed();
  await scene.push(eventFor("u_eleven", 10));
  const newest = uuidOf((await receiver.waitFor(11))[10]!);
  await eventually(async () => expect(await kept()).toContain(newest));

  expect((await redeliver(eleventhLast!)).status).toBe(404);
  expect((await redeliver(tenthLast!)).status).toBe(202);
});

test("redelivering by filter takes the oldest first, up to the limit", async () => {
  const receiver = scene.receiver(answers(500, 500, 500, 500, 500));
  const { id: webhookId } = await register(service, {
    user_id: "u_filter",
    url: receiver.url,
    retry_schedule: ["0s"],
  });
  await scene.push(...Array.from({ length: 5 }, (_, n) => eventFor("u_filter", n)));
  const parked = (await parkedOf("u_filter", 5)).toReversed();

  const two = await redeliverParked({ user_id: "u_filter", limit: 2 });
  expect(two).toEqual({ status: 200, body: { redelivered: 2, remaining: 3 } });
  const some = (await receiver.waitFor(7)).slice(5).map(idOf);
  expect(some.toSorted()).toEqual(
    parked
      .slice(0, 2)
      .map(({ id }) => id)
      .toSorted(),
  );

  const rest = await redeliverParked({ webhook_id: webhookId });
  expect(rest.body).toEqual({ redelivered: 3, remaining: 0 });
  const all = (await receiver.waitFor(10)).slice(5).map(idOf);
  expect(all.toSorted()).toEqual(parked.map(({ id }) => id).toSorted());
});

test("events for a disabled webhook are parked, and redelivered by filter once it is enabled", async () => {
  const receiver = scene.receiver();
  const user_id = "u_off";
  const { id } = await register(service, { user_id, url: receiver.url, enabled: false });
  await scene.push(...[0, 1, 2].map((n) => eventFor(user_id, n)));
  const parked = await parkedOf(user_id, 3);
  expect(parked.map(({ reason }) => reason)).toEqual(Array(3).fill("webhook-disabled"));

  const refused = await redeliver(parked[0]!.delivery_id);
  expect([refused.status, refused.body.type]).toEqual([
    409,
    "urn:fluxhook:problem:webhook-disabled",
  ]);
  expect((await redeliverParked({ webhook_id: id })).status).toBe(409);
  const none = await redeliverParked({ user_id });
  expect(none.body).toEqual({ redelivered: 0, remaining: 0 });

  await service.api("POST", `/v1/webhooks/${id}/enable`);
  // A worker may take up to a second to hear of it, and parks again what reaches it before.
  await eventually(async () => {
    await redeliverParked({ webhook_id: id });
    expect(receiver.requests).toHaveLength(3);
  });
  expect(receiver.requests.map(numberOf).toSorted((a, b) => a - b)).toEqual([0, 1, 2]);
  expect(receiver.requests.map(idOf).toSorted()).toEqual(parked.map((one) => one.id).toSorted());
  await parkedOf(user_id, 0);
});

/** Longer than the second that a change may take until it counts. */
const retry_schedule = ["0s", "2s"];

test.concurrent(
  "a scheduled delivery ends when its webhook is deleted, and nothing more is sent to its url",
  async () => {
    const receiver = scene.receiver(answers(500));
    const user_id = "u_deleted";
    const { id } = await register(service, { user_id, url: receiver.url, retry_schedule });
    await scene.push(eventFor(user_id));
    const [first] = await receiver.waitFor(1);
    expect((await service.api("DELETE", `/v1/webhooks/${id}`)).status).toBe(204);
    await eventually(async () => expect((await redeliver(uuidOf(first!))).status).toBe(410));

    const ended = await eventually(
      () =>
        service.lines.find(
          (line) => line.event === "delivery.webhook_deleted" && line.webhook_id === id,
        ) ?? null,
    );
    expect(ended.id).toBe(idOf(first!));
    expect(receiver.requests).toHaveLength(1);
  },
);

test.concurrent(
  "a scheduled delivery goes only to the new url after its webhook's url was changed",
  async () => {
    const before = scene.receiver(answers(500));
    const after = scene.receiver();
    const user_id = "u_moved";
    const { id } = await register(service, { user_id, url: before.url, retry_schedule });
    await scene.push(eventFor(user_id));
    const [first] = await before.waitFor(1);
    await service.api("PATCH", `/v1/webhooks/${id}`, { url: after.url });

    const [second] = await after.waitFor(1);
    expect([idOf(second!), second!.text]).toEqual([idOf(first!), first!.text]);
    expect(before.requests).toHaveLength(1);
  },
);

test.each([
  ["enabling a webhook ends its pause", "POST", "/enable", undefined, true],
  ["enabling a webhook by a change ends its pause", "PATCH", "", { enabled: true }, true],
  ["changing a webhook's url ends its pause", "PATCH", "", { url: "http://127.0.0.1:9/new" }, true],
  ["changing a webhook's description leaves its pause", "PATCH", "", { description: "new" }, false],
] as const)("%s", async (_, method, path, body, ends) => {
  const owner = `u_paused_${crypto.randomUUID().slice(0, 8)}`;
  const receiver = scene.receiver(
    () => new Response(null, { status: 429, headers: { "Retry-After": "3600" } }),
  );
  const { id } = await register(service, { user_id: owner, url: receiver.url });
  await scene.push(eventFor(owner));
  const pause = () => scene.redis.zscore(queueKeys(scene.queue).paused, id);
  await eventually(pause);
  if (body && "enabled" in body) await service.api("POST", `/v1/webhooks/${id}/disable`);
  expect(await pause()).not.toBeNull();
  expect((await service.api(method, `/v1/webhooks/${id}${path}`, body)).status).toBe(200);
  expect((await pause()) === null).toBe(ends);
});
