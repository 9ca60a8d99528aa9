// Webhooks that are told about their owner's other webhooks.
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register, type Scene } from "../support/serve-scene.ts";

const ofOwner = { user_id: "u_1", retry_schedule: ["0s"] };

async function ended(scene: Scene, stat: string): Promise<number> {
  return Number((await scene.redis.hget(`{${scene.queue}}:stats`, stat)) ?? 0);
}

test("a webhook that names webhook.disabled and delivery.parked is told about its owner's others, signed like any event", async () => {
  await using scene = await openScene();
  // Accepts only these types of producers; alerts come nevertheless.
  const service = await scene.serve({ FLUXHOOK_EVENT_TYPES: "file.created" });
  const gone = scene.receiver(() => new Response(null, { status: 410 }));
  const dead = scene.receiver(() => new Response(null, { status: 500 }));
  const told = scene.receiver();
  const others = scene.receiver();
  const disabled = await register(service, { ...ofOwner, url: gone.url });
  const parked = await register(service, { ...ofOwner, url: dead.url });
  await register(service, {
    ...ofOwner,
    url: `${told.url}/told`,
    events: ["webhook.disabled", "delivery.parked"],
  });
  await register(service, {
    ...ofOwner,
    url: `${told.url}/filtered`,
    events: ["delivery.parked"],
    filter: `event.data.webhook_id == "${disabled.id}"`,
  });
  // Not named: neither by a prefix nor by "*"; another owner's; one that is disabled.
  await register(service, { ...ofOwner, url: `${others.url}/all`, events: ["*"] });
  await register(service, { ...ofOwner, url: `${others.url}/prefix`, events: ["webhook.*"] });
  await register(service, { user_id: "u_2", url: others.url, events: ["webhook.disabled"] });
  await register(service, {
    ...ofOwner,
    url: `${others.url}/off`,
    events: ["webhook.disabled"],
    enabled: false,
  });
  await scene.push(eventFor("u_1", 1));

  const requests = await told.waitFor(4);
  const alerts = requests.map(({ path, text }) => {
    const { event, id, data } = JSON.parse(text) as {
      event: string;
      id: string;
      data: Record<string, unknown>;
    };
    expect(data).toMatchObject({ id, kind: event, user_id: "u_1" });
    return [path, event, data["webhook_id"], data["reason"]].join(" ");
  });
  const expected = [
    `/filtered delivery.parked ${disabled.id} gone`,
    `/told delivery.parked ${disabled.id} gone`,
    `/told delivery.parked ${parked.id} http-500`,
    `/told webhook.disabled ${disabled.id} gone`,
  ];
  expect(alerts.toSorted()).toEqual(expected.toSorted());
  await others.waitFor(1);
  // What it got is the event itself.
  await eventually(async () => (await ended(scene, "delivered")) >= 5);
  expect(others.requests.map(({ path }) => path)).toEqual(["/all"]);
});

test("two webhooks that are both dead do not tell each other about alerts that cannot be delivered", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const dead = scene.receiver(() => new Response(null, { status: 500 }));
  const events = ["file.created", "delivery.parked", "webhook.disabled"];
  await register(service, { ...ofOwner, url: `${dead.url}/one`, events });
  await register(service, { ...ofOwner, url: `${dead.url}/two`, events: events.slice(1) });
  await register(service, { ...ofOwner, url: `${dead.url}/three`, events: events.slice(1) });
  await scene.push(eventFor("u_1", 1));
  // One event, and what two others are told of its delivery.
  await dead.waitFor(3);
  await eventually(async () => (await scene.redis.zcard(`{${scene.queue}}:parked`)) === 3);
  await eventually(async () => (await scene.redis.llen(`${scene.prefix}:alerts`)) === 3);
  await Bun.sleep(500);
  expect(dead.requests.map(({ path }) => path).toSorted()).toEqual(["/one", "/three", "/two"]);
  expect(await scene.redis.zcard(`{${scene.queue}}:parked`)).toBe(3);
});
