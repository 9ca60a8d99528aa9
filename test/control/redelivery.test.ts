import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { attemptUuid, newDeliveryName, ownerTag } from "../../src/valkey/queue/delivery-id.ts";
import { readItem, type DeliveryHeader } from "../../src/valkey/queue/item.ts";
import { ParkedStore } from "../../src/valkey/queue/parked-store.ts";
import { FailureStore } from "../../src/valkey/history/failure-store.ts";
import { BodyStore, type StoredAttempt } from "../../src/valkey/history/body-store.ts";
import { sharedKeys } from "../../src/valkey/keys.ts";
import { addRecent } from "../../src/valkey/history/recent-lists.ts";
import { Redelivery, type ParkedFilter } from "../../src/control/redelivery.ts";
import { WebhookStore } from "../../src/valkey/webhooks/webhook-store.ts";
import { ownerOf, type WebhookRecord } from "../../src/wire/webhook.ts";
import { freshPrefix } from "../support/valkey.ts";
import { deliveryHeader, QueueLab, type TestQueue } from "../valkey/queue/test-queue.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";

const TTL_MS = 60_000;
const OURS: ParkedFilter = { owners: ["user:u_1"] };
const ALL: ParkedFilter = { owners: null };

let lab: QueueLab;
let first: TestQueue;
let second: TestQueue;
let bodies: BodyStore;
let webhooks: WebhookStore;
let redelivery: Redelivery;
let webhook: WebhookRecord;

beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());
beforeEach(async () => {
  [first, second] = [lab.queue(), lab.queue()];
  await first.join("w");
  await second.join("w");
  const keys = sharedKeys(freshPrefix());
  bodies = new BodyStore(lab.link, keys);
  webhooks = new WebhookStore(lab.link, keys);
  const parked = [first, second].map(({ store }) => new ParkedStore(lab.link, store.queue));
  redelivery = new Redelivery({
    parked,
    intake: first.store,
    bodies,
    failures: new FailureStore(lab.link, keys, { size: 10, ttlMs: TTL_MS }),
    webhooks,
    parkedTtlMs: TTL_MS,
    claimer: { notify: () => {} },
  });
  webhook = await registered();
});

async function registered(fields: Partial<WebhookRecord> = {}): Promise<WebhookRecord> {
  const record = webhookRecord(fields);
  await webhooks.create(record);
  return record;
}

function headerFor(record: WebhookRecord, fields: Partial<DeliveryHeader> = {}): DeliveryHeader {
  const owner = ownerOf(record);
  return deliveryHeader(newDeliveryName(ownerTag(owner)), {
    webhook_id: record.id,
    owner,
    dialect: "fluxdrop",
    ...fields,
  });
}

async function settleOne(
  queue: TestQueue,
  header: DeliveryHeader,
  how: { verb: "park" } | { verb: "retry"; delayMs: number },
): Promise<void> {
  await queue.push("one");
  const settlement = { delivery: header.delivery, header, ...how };
  await queue.settle(await queue.claimOne("w"), settlement);
}

const schedule = (queue: TestQueue, header: DeliveryHeader) =>
  settleOne(queue, header, { verb: "retry", delayMs: 3_600_000 });

const many = (count: number, record: WebhookRecord) => Array.from({ length: count }, () => record);

/** Parks one delivery for each webhook, one second apart; the first one is the oldest. */
async function park(
  queue: TestQueue,
  records: readonly WebhookRecord[],
  { from = 0 } = {},
): Promise<DeliveryHeader[]> {
  const headers = records.map((record, i) =>
    headerFor(record, { id: `evt_${from + i}`, reason: "http-500", status_code: 500, event: "a" }),
  );
  await queue.push(...headers.map(({ id }) => `of ${id}`));
  while ((await queue.list()).length > 0) {
    const claims = await queue.claim("w");
    await queue.store.settle(
      "w",
      claims.map((claim) => {
        const header = headers.find(({ id }) => `of ${id}` === String(claim.bytes));
        const settlement = { delivery: header!.delivery, header: header! };
        return { claim, settlement: { verb: "park", ...settlement } };
      }),
    );
  }
  await queue.parkedAt(
    ...headers.map(({ delivery }, i): [number, string] => [BASE_MS + (from + i) * 1_000, delivery]),
  );
  return headers;
}

/** Times of parking start here, so that the first parked is the oldest on every queue. */
const BASE_MS = Date.parse("2026-01-01T00:00:00Z");

async function keep(
  header: DeliveryHeader,
  { outcome = "delivered", element = "kept" }: Partial<StoredAttempt> = {},
): Promise<void> {
  const attempt = { header, outcome, element: element === null ? null : Buffer.from(element) };
  await addRecent(lab.link, { size: 10, ttlMs: TTL_MS }, [bodies.entriesOf([attempt])]);
}

/** Returns the ready list in the order in which it runs. */
async function ready(queue: TestQueue): Promise<{ header: DeliveryHeader; element: string }[]> {
  const items = await lab.redis.lrangeBuffer(queue.store.keys.ready, 0, -1);
  return items.toReversed().map((item) => {
    const { header, bytes } = readItem(item);
    return { header: header as DeliveryHeader, element: String(bytes) };
  });
}

const readyIds = async (queue: TestQueue) => (await ready(queue)).map(({ header }) => header.id);

const listedIds = async (filter: ParkedFilter) =>
  (await redelivery.listParked(filter, null, 100)).parked.map(({ header }) => header.id);

const dump = async () => [await first.dump(), await second.dump()];

describe("redelivering one delivery", () => {
  test("that is scheduled runs it now, with the attempt number that was scheduled", async () => {
    for (const queue of [first, second]) {
      const header = headerFor(webhook, { attempt: 3 });
      await schedule(queue, header);
      const answer = await redelivery.one(attemptUuid({ ...header, attempt: 1 }), null);
      expect(answer).toMatchObject({ kind: "redelivered", deliveryId: attemptUuid(header) });
      const claim = await queue.claimOne("w");
      expect(claim).toMatchObject({ source: "due", header });
    }
  });

  test("that is parked makes a new delivery of the same event, on the same queue", async () => {
    for (const queue of [first, second]) {
      const [header] = await park(queue, [webhook]);
      const answer = await redelivery.one(attemptUuid(header!).toUpperCase(), "user:u_1");
      const [next] = await ready(queue);
      expect(answer).toMatchObject({ kind: "redelivered", deliveryId: attemptUuid(next!.header) });
      expect(next?.element).toBe("of evt_0");
      expect(next?.header).toEqual(
        headerFor(webhook, { ...next?.header, id: "evt_0", attempt: 1 }),
      );
      expect(next?.header).not.toHaveProperty("reason");
      expect(next?.header.delivery).not.toBe(header!.delivery);
      expect((await queue.places()).parked).toBeUndefined();
    }
  });

  test("of an event with several deliveries finds the event's bytes", async () => {
    const headers = [headerFor(webhook), headerFor(webhook)];
    await first.push("shared");
    await first.settle(await first.claimOne("w"), { verb: "fan", event: "e", headers: headers });
    const [claim] = await first.claim("w");
    const { delivery } = headers[0]!;
    await first.settle(claim!, { verb: "park", delivery, header: headers[0]! });
    await redelivery.one(attemptUuid(headers[0]!), null);
    expect(String((await first.claimOne("w")).bytes)).toBe("shared");
  });

  test("that has ended with a stored body makes a new delivery", async () => {
    for (const outcome of ["delivered", "parked"] as const) {
      const header = headerFor(webhook, { attempt: 2, id: outcome });
      await keep(header, { outcome, element: `element of ${outcome}` });
      const answer = await redelivery.one(attemptUuid(header), "user:u_1");
      const next = (await ready(first)).at(-1);
      expect(answer).toMatchObject({ kind: "redelivered", deliveryId: attemptUuid(next!.header) });
      expect(next).toMatchObject({
        header: { id: outcome, attempt: 1, webhook_id: webhook.id, dialect: "fluxdrop" },
        element: `element of ${outcome}`,
      });
    }
  });

  test("whose retry is neither scheduled nor parked answers in-flight", async () => {
    const header = headerFor(webhook);
    await keep(header, { outcome: "retry", element: null });
    expect(await redelivery.one(attemptUuid(header), null)).toEqual({ kind: "in-flight" });
  });

  test("whose body is not stored answers not-available", async () => {
    const header = headerFor(webhook);
    await keep(header, { element: null });
    const answer = await redelivery.one(attemptUuid(header), null);
    expect(answer).toEqual({ kind: "not-available", why: "body-not-stored" });
  });

  test("that is stored nowhere answers unknown", async () => {
    const header = headerFor(webhook);
    await keep(headerFor(webhook));
    expect(await redelivery.one(attemptUuid(header), null)).toEqual({ kind: "unknown" });
  });

  test("that two callers request at the same time redelivers it once", async () => {
    const [header] = await park(first, [webhook]);
    const uuid = attemptUuid(header!);
    const answers = await Promise.all([redelivery.one(uuid, null), redelivery.one(uuid, null)]);
    expect(answers.map(({ kind }) => kind).toSorted()).toEqual(["in-flight", "redelivered"]);
    expect(await ready(first)).toHaveLength(1);
  });
});

describe("redelivery of a delivery in every place", () => {
  const places: [string, (header: DeliveryHeader) => Promise<void>][] = [
    ["scheduled", (header) => schedule(second, header)],
    ["parked", (header) => settleOne(second, header, { verb: "park" })],
    ["kept", (header) => keep(header)],
  ];

  test.each(places)(
    "%s: another owner's delivery is unknown and stays unchanged",
    async (_, put) => {
      const header = headerFor(webhook);
      await put(header);
      const before = await dump();
      for (const other of ["user:u_2", "org:u_1"] as const) {
        expect(await redelivery.one(attemptUuid(header), other)).toEqual({ kind: "unknown" });
      }
      expect(await dump()).toEqual(before);
    },
  );

  test.each(places)("%s: a delivery of a disabled webhook stays unchanged", async (_, put) => {
    const disabled = await registered({ enabled: false });
    const header = headerFor(disabled);
    await put(header);
    const before = await dump();
    const answer = await redelivery.one(attemptUuid(header), null);
    expect(answer).toEqual({ kind: "disabled", webhookId: disabled.id });
    expect(await dump()).toEqual(before);
  });

  test.each(places)("%s: a delivery of a deleted webhook is not available", async (_, put) => {
    const header = headerFor(webhook);
    await put(header);
    await webhooks.delete(webhook.id);
    const before = await dump();
    const answer = await redelivery.one(attemptUuid(header), null);
    expect(answer).toEqual({ kind: "not-available", why: "webhook-deleted" });
    expect(await dump()).toEqual(before);
  });
});

test("a delivery of a deleted webhook that waited for a retry is not available, because it has ended", async () => {
  const header = headerFor(webhook);
  await keep(header, { outcome: "retry", element: null });
  await webhooks.delete(webhook.id);
  expect((await redelivery.one(attemptUuid(header), null)).kind).toBe("not-available");
});

test("a stored delivery belongs to its owner even if another owner has the same tag", async () => {
  const other = await registered({ user_id: "u_2" });
  const header = headerFor(other, { delivery: newDeliveryName(ownerTag("user:u_1")) });
  await keep(header);
  expect(await redelivery.one(attemptUuid(header), "user:u_1")).toEqual({ kind: "unknown" });
});

describe("redelivering parked deliveries by filter", () => {
  test("runs the oldest first over all queues, up to the limit", async () => {
    const [oldest] = await park(first, [webhook, webhook]);
    await park(second, [webhook, webhook, webhook], { from: 2 });
    expect(await redelivery.byFilter(OURS, 3)).toEqual({ redelivered: 3, remaining: 2 });
    const next = (await ready(first))[0]?.header;
    expect(next).toMatchObject({ attempt: 1, runs: 0, id: "evt_0" });
    expect(next?.delivery).not.toBe(oldest!.delivery);
    expect(await readyIds(first)).toEqual(["evt_0", "evt_1"]);
    expect(await readyIds(second)).toEqual(["evt_2"]);
    expect(await listedIds(ALL)).toEqual(["evt_4", "evt_3"]);
    expect(await redelivery.byFilter(OURS, 3)).toEqual({ redelivered: 2, remaining: 0 });
    expect(await redelivery.byFilter(OURS, 3)).toEqual({ redelivered: 0, remaining: 0 });
    expect(await readyIds(second)).toEqual(["evt_2", "evt_3", "evt_4"]);
  });

  // One queue has far fewer pages than the other.
  test("takes the oldest up to the limit over many pages", async () => {
    await park(first, many(600, webhook));
    await park(second, many(700, webhook), { from: 600 });
    expect(await redelivery.byFilter(OURS, 1_000)).toEqual({ redelivered: 1_000, remaining: 300 });
    const ids = [...(await readyIds(first)), ...(await readyIds(second))];
    expect(ids).toEqual(Array.from({ length: 1_000 }, (_, i) => `evt_${i}`));
  });

  test("takes only those of the given owners and webhook", async () => {
    const twin = await registered();
    const ofOrg = await registered({ org_id: "o_1" });
    const ofOther = await registered({ user_id: "u_2" });
    await park(first, [webhook, twin, ofOrg, ofOther]);
    const filters: [ParkedFilter, string[]][] = [
      [{ owners: null, webhookId: twin.id }, ["evt_1"]],
      [{ owners: ["user:u_2"], webhookId: webhook.id }, []],
      [{ owners: ["org:u_1"] }, []],
      [{ owners: ["user:u_1", "org:o_1"] }, ["evt_2", "evt_1", "evt_0"]],
      [{ owners: ["user:u_2"] }, ["evt_3"]],
    ];
    for (const [filter, ids] of filters) expect(await listedIds(filter)).toEqual(ids);
    for (const [filter, ids] of filters.slice(0, 3)) {
      const answer = { redelivered: ids.length, remaining: 0 };
      expect(await redelivery.byFilter(filter, 10)).toEqual(answer);
    }
    expect(await listedIds(ALL)).toEqual(["evt_3", "evt_2", "evt_0"]);
  });

  test("leaves those of disabled or deleted webhooks parked, and does not count them as remaining", async () => {
    const disabled = await registered({ enabled: false });
    const deleted = await registered();
    await park(first, [disabled, webhook, deleted, webhook]);
    await webhooks.delete(deleted.id);
    expect(await redelivery.byFilter(OURS, 1)).toEqual({ redelivered: 1, remaining: 1 });
    expect(await redelivery.byFilter(OURS, 9)).toEqual({ redelivered: 1, remaining: 0 });
    expect(await listedIds(ALL)).toEqual(["evt_2", "evt_0"]);
    const byWebhook = { owners: null, webhookId: disabled.id };
    expect(await redelivery.byFilter(byWebhook, 9)).toEqual({ redelivered: 0, remaining: 0 });
  });

  test("takes those of a reason and an event type on every queue, and a dry run counts them", async () => {
    const other = await registered({ user_id: "u_2" });
    const kinds = [
      { reason: "timeout", event: "a" },
      { reason: "timeout", event: "b" },
      { reason: "dns", event: "a" },
    ];
    let n = 0;
    for (const queue of [first, second]) {
      for (const record of [webhook, other]) {
        for (const kind of kinds) {
          const header = headerFor(record, { ...kind, id: `evt_${n}` });
          await settleOne(queue, header, { verb: "park" });
          await queue.parkedAt([BASE_MS + n * 1_000, header.delivery]);
          n += 1;
        }
      }
    }
    const filters: [ParkedFilter, string[]][] = [
      [{ ...OURS, reason: "timeout" }, ["evt_7", "evt_6", "evt_1", "evt_0"]],
      [{ ...OURS, event: "a" }, ["evt_8", "evt_6", "evt_2", "evt_0"]],
      [{ owners: null, reason: "timeout", event: "b" }, ["evt_10", "evt_7", "evt_4", "evt_1"]],
      [{ ...OURS, reason: "dns", event: "b" }, []],
      [{ owners: null, webhookId: other.id, reason: "dns" }, ["evt_11", "evt_5"]],
    ];
    for (const [filter, ids] of filters) expect(await listedIds(filter)).toEqual(ids);
    const ours = { ...OURS, reason: "timeout", event: "a" };
    expect(await redelivery.redeliverable(ours)).toBe(2);
    expect(await listedIds(ours)).toEqual(["evt_6", "evt_0"]);
    expect(await redelivery.byFilter(ours, 1)).toEqual({ redelivered: 1, remaining: 1 });
    expect(await readyIds(first)).toEqual(["evt_0"]);
    expect(await redelivery.redeliverable(ours)).toBe(1);
  });

  test("counts those of a disabled webhook as matching but not redeliverable in a dry run", async () => {
    const disabled = await registered({ enabled: false });
    await park(first, [disabled, webhook, disabled]);
    expect(await redelivery.redeliverable(OURS)).toBe(1);
  });

  test("takes the oldest of many webhooks, even if each has more than one step reads", async () => {
    const records = [webhook, await registered(), await registered()];
    await park(
      first,
      Array.from({ length: 400 }, (_, i) => records[i % 7 === 0 ? 1 : i % 2 === 0 ? 2 : 0]!),
    );
    expect(await redelivery.byFilter(OURS, 350)).toEqual({ redelivered: 350, remaining: 50 });
    expect(await readyIds(first)).toEqual(Array.from({ length: 350 }, (_, i) => `evt_${i}`));
  });

  test("runs each once if two callers redeliver at the same time", async () => {
    await park(first, many(250, webhook));
    const twice = [1_000, 1_000].map((limit) => redelivery.byFilter(OURS, limit));
    const answers = await Promise.all(twice);
    expect(answers.reduce((sum, { redelivered }) => sum + redelivered, 0)).toBe(250);
    expect(await ready(first)).toHaveLength(250);
  });
});

describe("the summary of parked deliveries", () => {
  test("covers all queues by reason, event type and webhook, the most frequent first", async () => {
    const other = await registered({ user_id: "u_2" });
    await park(first, [webhook, other, webhook]);
    await park(second, [webhook], { from: 3 });
    const unread = headerFor(webhook, { reason: "unreadable" });
    await settleOne(second, unread, { verb: "park" });
    expect(await redelivery.summary(ALL)).toEqual({
      total: 5,
      byReason: [
        { reason: "http-500", count: 4 },
        { reason: "unreadable", count: 1 },
      ],
      byEvent: [
        { event: "a", count: 4 },
        { event: null, count: 1 },
      ],
      byWebhook: [
        { webhookId: webhook.id, count: 4 },
        { webhookId: other.id, count: 1 },
      ],
    });
    expect(await redelivery.summary({ owners: ["user:u_2"] })).toMatchObject({
      total: 1,
      byReason: [{ reason: "http-500", count: 1 }],
      byWebhook: [],
    });
    expect((await redelivery.summary({ owners: ["user:u_1", "user:u_2"] })).total).toBe(5);
    expect((await redelivery.summary({ owners: ["org:u_1"] })).total).toBe(0);
  });

  test("has the hundred most frequent event types if there are more than one reply may contain", async () => {
    const headers = Array.from({ length: 2_100 }, (_, i) =>
      headerFor(webhook, { reason: "timeout", event: i < 50 ? "often" : `e${i}` }),
    );
    for (let at = 0; at < headers.length; at += 100) {
      const group = headers.slice(at, at + 100);
      await first.push(...group.map(() => "one"));
      await first.store.settle(
        "w",
        (await first.claim("w")).map((claim, i) => {
          const header = group[i]!;
          const { delivery } = header;
          return { claim, settlement: { verb: "park", delivery, header } };
        }),
      );
    }
    const summary = await redelivery.summary(OURS);
    expect(summary).toMatchObject({
      total: 2_100,
      byReason: [{ reason: "timeout", count: 2_100 }],
    });
    expect(summary.byEvent).toHaveLength(100);
    expect(summary.byEvent[0]).toEqual({ event: "often", count: 50 });
  });
});

describe("the list of parked deliveries", () => {
  test("of a rare kind among many has short pages, with a cursor that continues", async () => {
    const rare = headerFor(webhook, { reason: "dns", event: "b", id: "rare" });
    await settleOne(first, rare, { verb: "park" });
    await first.parkedAt([BASE_MS - 1_000, rare.delivery]);
    const elsewhere = { ...headerFor(webhook), reason: "dns", event: "b", id: "elsewhere" };
    await settleOne(second, elsewhere, { verb: "park" });
    // After everything that the first page looks at on the first queue.
    await second.parkedAt([BASE_MS + 10, elsewhere.delivery]);
    // Each of the two filters alone matches thousands.
    for (const kind of [{ reason: "dns" }, { event: "b" }]) {
      const items = Array.from({ length: 10_100 }, (_, i) =>
        headerFor(webhook, { reason: "timeout", event: "a", id: `evt_${i}`, ...kind }),
      );
      const stored = items.flatMap((one) => [one.delivery, `0 e ${JSON.stringify(one)}\nx`]);
      const times = items.flatMap(({ delivery }, i) => [BASE_MS + i, delivery]);
      await lab.redis.hset(first.store.keys.parkedItems, ...stored);
      await lab.redis.zadd(first.store.keys.parked, ...times);
    }
    const seen: string[] = [];
    let after = null;
    let pages = 0;
    do {
      const filter = { ...OURS, reason: "dns", event: "b" };
      const page = await redelivery.listParked(filter, after, 10);
      seen.push(...page.parked.map(({ header }) => header.id));
      after = page.next;
      pages += 1;
    } while (after !== null);
    expect(seen).toEqual(["elsewhere", "rare"]);
    expect(pages).toBeGreaterThan(1);
  });

  test("has the time when each was parked and when it expires", async () => {
    const [header] = await park(first, [webhook]);
    const { parked, next } = await redelivery.listParked(ALL, null, 10);
    expect(next).toBeNull();
    expect(parked).toEqual([
      {
        deliveryId: attemptUuid(header!),
        header: header!,
        parkedAtMs: BASE_MS,
        expiresAtMs: BASE_MS + TTL_MS,
        size: `0 e ${JSON.stringify(header)}\nof evt_0`.length,
      },
    ]);
  });

  test("returns each delivery once in pages, newest first, while others are parked and redelivered", async () => {
    await park(first, [webhook, webhook, webhook]);
    const later = await park(second, [webhook, webhook, webhook], { from: 3 });
    const page = await redelivery.listParked(OURS, null, 2);
    expect(page.parked.map(({ header }) => header.id)).toEqual(["evt_5", "evt_4"]);
    // The last one returned is redelivered, and a newer one is parked.
    await redelivery.one(attemptUuid(later[1]!), null);
    await park(first, [webhook], { from: 9 });
    const rest = await redelivery.listParked(OURS, page.next, 4);
    const ids = rest.parked.map(({ header }) => header.id);
    expect(ids).toEqual(["evt_3", "evt_2", "evt_1", "evt_0"]);
    expect(rest.next).toBeNull();
  });

  test("returns each of several deliveries that were parked in the same millisecond", async () => {
    const names: string[] = [];
    for (const queue of [first, second]) {
      const headers = await park(queue, many(4, webhook));
      await queue.parkedAt(...headers.map(({ delivery }): [number, string] => [BASE_MS, delivery]));
      names.push(...headers.map(({ delivery }) => delivery));
    }
    for (const filter of [ALL, OURS]) {
      const seen: string[] = [];
      let after = null;
      do {
        const page = await redelivery.listParked(filter, after, 2);
        expect(page.parked.length).toBeGreaterThan(0);
        seen.push(...page.parked.map(({ header }) => header.delivery));
        after = page.next;
      } while (after);
      expect(seen).toEqual(names.toSorted().toReversed());
    }
  });

  test("finds the only match after pages of others", async () => {
    const other = await registered({ user_id: "u_2" });
    await park(first, [webhook]);
    await park(first, many(1_100, other), { from: 1 });
    expect(await listedIds(OURS)).toEqual(["evt_0"]);
  });
});

test.each(["hello", "0 e {}\nx", '0 e {"delivery":1}\nx', "", "0 e null\n"])(
  "an item that another program replaced with %j is not found, and nothing throws",
  async (text) => {
    const scheduled = headerFor(webhook);
    const parked = headerFor(webhook);
    await schedule(first, scheduled);
    await settleOne(first, parked, { verb: "park" });
    const { keys } = first.store;
    await lab.redis.hset(keys.scheduled, scheduled.delivery, text);
    await lab.redis.hset(keys.parkedItems, parked.delivery, text);
    for (const header of [scheduled, parked]) {
      expect(await redelivery.one(attemptUuid(header), null)).toEqual({ kind: "unknown" });
    }
  },
);
