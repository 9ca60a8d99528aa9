// Filters at the split of an event: who gets it, and what is counted of those who do not.
import { expect, test } from "bun:test";
import type { Claimed } from "../../../src/valkey/queue/claimed.ts";
import type { WebhookRecord } from "../../../src/wire/webhook.ts";
import { fanOut, type FanOut } from "../../../src/worker/run/fan-out.ts";
import {
  prepareForEvents,
  type PreparedWebhook,
} from "../../../src/worker/webhooks/prepared-webhook.ts";
import { webhookRecord } from "../../valkey/webhooks/webhook-records.ts";

const LIMITS = { maxEventBytes: 1_000_000, eventTypes: "open" } as const;

const logged: object[] = [];
const log = { error: (fields: object, event: string) => void logged.push({ event, ...fields }) };

async function webhookWith(
  filter: string | null,
  fields: Partial<WebhookRecord> = {},
): Promise<PreparedWebhook> {
  return prepareForEvents(webhookRecord({ filter, ...fields }), log);
}

/** What becomes of an event of `u_1`; the id of who gets it in the place of its deliveries. */
async function split(webhooks: PreparedWebhook[], data: string, fields = ""): Promise<object> {
  const claim: Claimed = {
    worker: "w",
    number: "7",
    crashes: 0,
    header: { claim: "w-7", at: Date.UTC(2026, 0, 2) },
    source: "list",
    shared: false,
    bytes: Buffer.from(`{"user_id":"u_1","event":"order.created",${fields}"data":${data}}`),
  };
  const result: FanOut = await fanOut(claim, LIMITS, {
    peek: () => webhooks,
    get: () => Promise.resolve(webhooks),
  });
  if (result.kind === "one") {
    return { to: [result.webhook.record.id], filtered: result.filtered };
  }
  if (result.kind !== "many") return result;
  return { to: result.headers.map((one) => one.webhook_id), filtered: result.filtered };
}

const nested = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;

test("who matches gets it, who does not is counted, and who has no filter gets everything", async () => {
  const all = await webhookWith(null);
  const large = await webhookWith("event.data.amount > 1000");
  const small = await webhookWith("event.data.amount <= 1000");
  const ids = [all, large, small].map(({ record }) => record.id);
  expect(await split([all, large, small], '{"amount":1500}')).toEqual({
    to: [ids[0], ids[1]],
    filtered: { filtered: 1, filterErrors: 0 },
  });
  expect(await split([large, small], '{"amount":5}')).toEqual({
    to: [ids[2]],
    filtered: { filtered: 1, filterErrors: 0 },
  });
  expect(await split([all, small], '{"amount":5}')).toEqual({ to: [ids[0], ids[2]] });
  expect(await split([large], '{"amount":1500}')).toEqual({ to: [ids[1]] });
});

test("an event that no filter matches ends as filtered, not as one for nobody", async () => {
  const large = await webhookWith("event.data.amount > 1000");
  const ada = await webhookWith('event.data.name == "Ada"');
  expect(await split([large, ada], '{"amount":5,"name":"Bob"}')).toEqual({
    kind: "filtered",
    counts: { filtered: 2, filterErrors: 0 },
  });
  const others = await webhookWith("event.data.amount > 1000", { events: ["file.*"] });
  expect(await split([others], '{"amount":5}')).toEqual({ kind: "nobody" });
});

test.each([
  ["an unknown path", "event.data.total > 1000", '{"amount":5}'],
  ["types that do not fit", 'event.data.amount > "1"', '{"amount":5}'],
  ["no boolean", "event.data.amount", '{"amount":5}'],
  ["data deeper than 64", "size(event.data) > 0", nested(64)],
])("%s is no match, and counted as an error", async (_, filter, data) => {
  const webhook = await webhookWith(filter);
  const other = await webhookWith(null);
  const counts = { filtered: 1, filterErrors: 1 };
  expect(await split([webhook], data)).toEqual({ kind: "filtered", counts });
  expect(await split([webhook, other], data)).toEqual({ to: [other.record.id], filtered: counts });
});

test("data of 64 levels is judged", async () => {
  const webhook = await webhookWith("size(event.data) > 0");
  expect(await split([webhook], nested(63))).toEqual({ to: [webhook.record.id] });
});

test("id and timestamp are those that it is sent with, also where the event brings none", async () => {
  const webhook = await webhookWith(
    'event.id == "evt_w-7" && event.timestamp == "2026-01-02T00:00:00.000Z" && event.user_id == "u_1"',
  );
  expect(await split([webhook], "{}")).toEqual({ to: [webhook.record.id] });
  expect(await split([webhook], "{}", '"id":"mine",')).toMatchObject({ kind: "filtered" });
});

test("a stored filter that does not compile counts as disabled: its events are parked", async () => {
  const damaged = await webhookWith("event.data.amount >");
  const other = await webhookWith(null);
  expect(damaged.record.enabled).toBe(false);
  expect(await split([damaged, other], "{}")).toEqual({ to: [damaged.record.id, other.record.id] });
  expect(logged).toContainEqual({
    event: "filter.unreadable",
    webhook_id: damaged.record.id,
    codes: ["syntax"],
  });
});

test("a compiled filter that was dropped is compiled again", async () => {
  const webhook = await webhookWith("event.data.n == 7");
  for (let n = 0; n < 1_200; n += 1) await webhookWith(`event.data.n == ${n} && true`);
  expect(await split([webhook], '{"n":7}')).toEqual({ to: [webhook.record.id] });
  expect(await split([webhook], '{"n":8}')).toMatchObject({ kind: "filtered" });
});

test("all filters of one event share a limit on their work, and what is cut off is counted as an error", async () => {
  const lines = Array.from({ length: 20_000 }, (_, n) => ({ n }));
  const data = JSON.stringify({ amount: 1500, lines });
  // About a quarter of the event's work each, and each is another text.
  const heavy = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      webhookWith(`event.data.lines.all(line, line.n < 30000 && line.n > -${n + 1})`),
    ),
  );
  const light = await webhookWith("event.data.amount > 1000");
  const large = await webhookWith("event.data.lines == event.data.lines && event.data.amount > 1");
  const result = (await split([...heavy, large, light], data)) as {
    to: string[];
    filtered: { filtered: number; filterErrors: number };
  };
  const served = heavy.filter(({ record }) => result.to.includes(record.id));
  // The first ones have their turn; later ones are cut off, and a few comparisons always have room.
  expect(served.map(({ record }) => record.id)).toEqual(
    heavy.slice(0, served.length).map(({ record }) => record.id),
  );
  expect(served.length).toBeGreaterThan(1);
  expect(served.length).toBeLessThan(12);
  expect(result.to).not.toContain(large.record.id);
  expect(result.to.at(-1)).toBe(light.record.id);
  const cut = heavy.length - served.length + 1;
  expect(result.filtered).toEqual({ filtered: cut, filterErrors: cut });
  // The next event has its own.
  expect(await split([light, large], '{"amount":1500,"lines":[]}')).toEqual({
    to: [light.record.id, large.record.id],
  });
});

test("a path alone is counted by the text that it is looked for in", async () => {
  const flags = Array.from({ length: 500 }, (_, n) => `"f${n}":true`);
  const data = `{"text":"${"x".repeat(900_000)}",${flags.join(",")}}`;
  const webhooks = await Promise.all(flags.map((_, n) => webhookWith(`event.data.f${n}`)));
  const result = (await split(webhooks, data)) as {
    to: string[];
    filtered: { filterErrors: number };
  };
  expect(result.to[0]).toBe(webhooks[0]?.record.id);
  expect(result.to.length).toBeLessThan(100);
  expect(result.filtered.filterErrors).toBe(webhooks.length - result.to.length);
});
