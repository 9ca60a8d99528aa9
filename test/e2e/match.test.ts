// Who gets an event: owners, patterns, and changes of webhooks while the service runs.
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { eventFor, numberOf, register } from "../support/serve-scene.ts";
import type { Receiver } from "../support/receiver.ts";
import { useService } from "../support/use-scene.ts";

const { scene, service } = useService();

/** In the contract: "A change counts on every worker within one second". */
const CHANGE_COUNTS_WITHIN_MS = 1_000;

const typesAt = ({ requests }: Receiver) =>
  requests.map(({ headers }) => headers.get("x-fluxdrop-event") ?? "").toSorted();

test("an event for a user and an organisation goes to all webhooks of both", async () => {
  const receiver = scene.receiver();
  const owners = [{ user_id: "u_both" }, { user_id: "u_both" }, { org_id: "o_both" }];
  const webhooks = [];
  for (const [n, owner] of owners.entries()) {
    webhooks.push(await register(service, { ...owner, url: `${receiver.url}/${n}` }));
  }
  await register(service, { user_id: "u_else", url: `${receiver.url}/else` });
  await scene.push(
    `{"user_id":"u_both","org_id":"o_both","event":"file.created","data":{"n":1.0}}`,
    `{"org_id":"o_both","event":"file.created","data":{"n":2.0}}`,
    `{"user_id":"u_nobody","event":"file.created","data":{}}`,
  );
  await receiver.waitFor(4);
  await scene.push(eventFor("u_else"));
  const requests = await receiver.waitFor(5);

  expect(requests.map(({ path }) => path).toSorted()).toEqual(["/0", "/1", "/2", "/2", "/else"]);
  const first = requests.filter(({ text }) => text.includes(`"n":1.0`));
  // One event: the same bytes under the same id, each delivery with its own UUID and signature.
  expect(new Set(first.map(({ text }) => text)).size).toBe(1);
  expect(new Set(first.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  for (const name of ["x-fluxdrop-delivery", "x-fluxdrop-signature", "webhook-signature"]) {
    expect(new Set(first.map(({ headers }) => headers.get(name))).size, name).toBe(3);
  }
});

test("patterns match exact names, file.* at any depth, and *", async () => {
  const table: [pattern: string[], gets: string[]][] = [
    [["file.created"], ["file.created"]],
    [["file.*"], ["file.created", "file.version.added"]],
    [["file.version.*"], ["file.version.added"]],
    [
      ["file", "files.created"],
      ["file", "files.created"],
    ],
    [
      ["file.*", "file.created", "share.linked"],
      ["file.created", "file.version.added", "share.linked"],
    ],
    [["*"], ["file", "file.created", "file.version.added", "files.created", "share.linked"]],
    [["File.created"], []],
  ];
  const receivers = [];
  for (const [events] of table) {
    const receiver = scene.receiver();
    receivers.push(receiver);
    await register(service, { user_id: "u_pattern", url: receiver.url, events });
  }
  const types = table[5]?.[1] ?? [];
  await scene.push(...types.map((type) => eventFor("u_pattern", 0, type)));
  for (const [n, [, gets]] of table.entries()) await receivers[n]?.waitFor(gets.length);
  // Deliveries of one event go out together: what one came to, none of the earlier is still under way.
  await scene.push(eventFor("u_pattern", 0, "zz_last"));
  await receivers[5]?.waitFor(types.length + 1);

  const got = receivers.map((receiver) => typesAt(receiver).filter((type) => type !== "zz_last"));
  expect(got).toEqual(table.map(([, gets]) => gets));
});

test("a webhook without patterns gets every event", async () => {
  const receiver = scene.receiver();
  const webhook = await register(service, { user_id: "u_default", url: receiver.url });
  expect(webhook.events).toEqual(["*"]);
  await scene.push(eventFor("u_default", 0, "anything_at.all"));
  await receiver.waitFor(1);
});

test("a new url is used within a second, and other webhooks are not affected", async () => {
  const [before, after, other] = [scene.receiver(), scene.receiver(), scene.receiver()];
  const webhook = await register(service, { user_id: "u_change", url: before.url });
  await register(service, { user_id: "u_change", url: other.url });
  await scene.push(eventFor("u_change", FIRST));
  await before.waitFor(1);

  await service.api("PATCH", `/v1/webhooks/${webhook.id}`, { url: after.url });
  await pushUntil("u_change", () => after.requests.length > 0);
  await pushAndSettle("u_change", [after, other]);

  expect(before.requests.map(numberOf)).not.toContain(LAST);
});

test.each([
  ["disabled", (id: string) => service.api("POST", `/v1/webhooks/${id}/disable`)],
  ["deleted", (id: string) => service.api("DELETE", `/v1/webhooks/${id}`)],
  [
    "narrowed to other events",
    (id: string) => service.api("PATCH", `/v1/webhooks/${id}`, { events: ["share.*"] }),
  ],
] as const)("a webhook that was %s gets nothing any more", async (how, change) => {
  const owner = `u_${how.split(" ", 1)[0]}`;
  const [receiver, control] = [scene.receiver(), scene.receiver()];
  const webhook = await register(service, { user_id: owner, url: receiver.url });
  await register(service, { user_id: owner, url: control.url });
  await scene.push(eventFor(owner, FIRST));
  await Promise.all([receiver.waitFor(1), control.waitFor(1)]);

  await change(webhook.id);
  // Its own stream of changes tells the worker in order: what it knows of a later one, it knows of this.
  const later = scene.receiver();
  await register(service, { user_id: owner, url: later.url });
  await pushUntil(owner, () => later.requests.length > 0);
  await pushAndSettle(owner, [control, later]);

  expect(receiver.requests.map(numberOf)).not.toContain(LAST);
});

test("a webhook that was created disabled gets nothing until it is enabled", async () => {
  const [receiver, control] = [scene.receiver(), scene.receiver()];
  const owner = { user_id: "u_off" };
  const webhook = await register(service, { ...owner, url: receiver.url, enabled: false });
  await register(service, { ...owner, url: control.url });
  await scene.push(eventFor("u_off"));
  await control.waitFor(1);
  expect(receiver.requests).toHaveLength(0);

  await service.api("POST", `/v1/webhooks/${webhook.id}/enable`);
  await pushUntil("u_off", () => receiver.requests.length > 0);
});

test("an owner's first webhook is used although workers remember that the owner has none", async () => {
  const receiver = scene.receiver();
  const control = scene.receiver();
  await register(service, { user_id: "u_control", url: control.url });
  await scene.push(eventFor("u_late"), eventFor("u_control"));
  await control.waitFor(1);

  await register(service, { user_id: "u_late", url: receiver.url });
  await pushUntil("u_late", () => receiver.requests.length > 0);
});

const [FIRST, PROBE, LAST, BEHIND] = [1, 2, 3, 4];

/** Pushes one event, and one behind it: when that one has come, the first is nowhere under way. */
async function pushAndSettle(owner: string, receivers: readonly Receiver[]): Promise<void> {
  for (const n of [LAST, BEHIND]) {
    await scene.push(eventFor(owner, n));
    for (const { requests } of receivers) {
      await eventually(() => requests.some((request) => numberOf(request) === n));
    }
  }
}

/** Pushes events until the change is seen, at most for as long as a change may take. */
async function pushUntil(owner: string, seen: () => boolean): Promise<void> {
  await eventually(
    async () => {
      if (!seen()) await scene.push(eventFor(owner, PROBE));
      return seen();
    },
    { withinMs: CHANGE_COUNTS_WITHIN_MS },
  );
}
