// What no producer should push, and an element that ends its worker.
import type { Redis } from "iovalkey";
import type { RejectionReason } from "../../src/wire/event.ts";
import { eventually } from "../support/eventually.ts";
import { check, counts, Producer, QUEUE, type Scenario } from "./harness.ts";

const MAX_EVENT_BYTES = 4_096;
const VALID = '"user_id":"u_1","event":"file.created","data":{}';

/** Every reason that an element alone can give, in as many shapes as it comes in. */
const MALFORMED: readonly [RejectionReason, string | Uint8Array][] = [
  ["empty", ""],
  ["too-large", `{${VALID},"more":"${"x".repeat(MAX_EVENT_BYTES)}"}`],
  ["too-large", "x".repeat(MAX_EVENT_BYTES + 1)],
  ["not-utf8", Uint8Array.from({ length: 256 }, (_, byte) => byte)],
  ["not-utf8", Uint8Array.of(0xff, 0xfe, 0x00)],
  // An overlong slash, a surrogate and a cut-off sequence, each inside an event that is fine else.
  ["not-utf8", Buffer.from(`{${VALID},"more":"\u00c0\u00af"}`, "latin1")],
  ["not-utf8", Buffer.from(`{${VALID},"more":"\u00ed\u00a0\u0080"}`, "latin1")],
  ["not-utf8", Buffer.from(`{${VALID},"more":"\u00e2\u0082"}`, "latin1")],
  ["not-json", "not JSON"],
  ["not-json", " "],
  ["not-json", "\0"],
  ["not-json", `{${VALID}`],
  ["not-json", `{${VALID},}`],
  ["not-json", `{${VALID}}{${VALID}}`],
  ["not-json", `\uFEFF{${VALID}}`],
  ["not-json", "[".repeat(4_000)],
  ["not-json", `{${VALID},"more":NaN}`],
  ["not-an-object", "[]"],
  ["not-an-object", `[{${VALID}}]`],
  ["not-an-object", "null"],
  ["not-an-object", "1e309"],
  ["not-an-object", '"text"'],
  ["not-an-object", "true"],
  ["duplicate-field", `{${VALID},"data":{}}`],
  ["duplicate-field", `{${VALID},"user\\u005fid":"u_2"}`],
  ["invalid-field", '{"user_id":1,"event":"file.created","data":{}}'],
  ["invalid-field", '{"user_id":"a b","event":"file.created","data":{}}'],
  ["invalid-field", '{"user_id":"{u}","event":"file.created","data":{}}'],
  ["invalid-field", `{"user_id":"${"u".repeat(129)}","event":"file.created","data":{}}`],
  ["invalid-field", '{"user_id":"u_1","event":"..","data":{}}'],
  ["invalid-field", '{"user_id":"u_1","data":{}}'],
  ["invalid-field", '{"user_id":"u_1","event":"file.created"}'],
  ["invalid-field", '{"user_id":"u_1","event":"file.created","data":null}'],
  ["invalid-field", '{"user_id":"u_1","event":"file.created","data":[]}'],
  ["invalid-field", `{${VALID},"id":"a.b"}`],
  ["invalid-field", `{${VALID},"timestamp":"yesterday"}`],
  ["invalid-field", `{${VALID},"traceparent":"00"}`],
  ["no-owner", '{"event":"file.created","data":{}}'],
  ["unknown-event-type", '{"user_id":"u_1","event":"file.eaten","data":{}}'],
];

const malformed: Scenario = {
  name: "malformed-elements",
  what: "10,000 malformed elements of every kind between valid ones",
  holds: "crashes 0; each is kept with its reason and its bytes; every valid one arrives",
  async run(context) {
    const bad = context.long ? 10_000 : 2_000;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const worker = await context.worker(valkey.url, {
      FLUXHOOK_REJECTED_MAX: "20000",
      FLUXHOOK_MAX_EVENT_BYTES: String(MAX_EVENT_BYTES),
      FLUXHOOK_EVENT_TYPES: "file.created",
    });
    await worker.register({ user_id: "u_1", url: receiver.url() });
    const producer = new Producer(redis);
    const pushed = new Map<string, number>();
    for (let i = 0; i < bad; i += 1) {
      const [reason, element] = MALFORMED[i % MALFORMED.length] ?? ["empty", ""];
      const bytes = Buffer.from(element);
      count(pushed, `${reason} ${Bun.hash(bytes)}`);
      await redis.lpush(QUEUE, bytes, producer.element(producer.next));
      producer.next += 1;
      producer.acknowledged += 1;
    }
    await eventually(() => receiver.distinct >= producer.acknowledged, { withinMs: 60_000 }).catch(
      () => {},
    );
    const kept = await eventually(() => redis.llen("fluxhook:rejected"), { withinMs: 10_000 });
    const wrong = await misjudged(redis, pushed);
    const log = await worker.log();
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("lost", result.lost, result.lost === 0),
        check("duplicates", result.duplicates, result.duplicates === 0),
        check(`rejected, of ${bad}`, kept, kept === bad),
        check("kept with another reason or other bytes", wrong, wrong === 0),
        check("worker has ended", String(worker.hasEnded), !worker.hasEnded),
        check("errors in its log", errors(log), errors(log) === 0),
      ],
    };
  },
};

/** How many of the rejected are not what was pushed, bytes and reason. */
async function misjudged(redis: Redis, pushed: ReadonlyMap<string, number>): Promise<number> {
  const left = new Map(pushed);
  let wrong = 0;
  for (const text of await redis.lrange("fluxhook:rejected", 0, -1)) {
    const { reason, raw, raw_base64: base64 } = JSON.parse(text) as Record<string, string>;
    const bytes = base64 === undefined ? Buffer.from(raw ?? "") : Buffer.from(base64, "base64");
    const key = `${reason} ${Bun.hash(bytes)}`;
    if ((left.get(key) ?? 0) === 0) wrong += 1;
    else count(left, key, -1);
  }
  return wrong;
}

function count(counted: Map<string, number>, key: string, by = 1): void {
  counted.set(key, (counted.get(key) ?? 0) + by);
}

function errors(log: string): number {
  return log.split("\n").filter((line) => line.includes('"level":"error"')).length;
}

const MAX_CRASHES = 5;
const POISON = '{"user_id":"u_1","event":"file.created","data":{"n":-1}}';

const crashing: Scenario = {
  name: "crashing-element",
  what: "an element that crashes its worker, five times",
  holds: "it is set aside as crashed-worker, with its bytes; later events arrive",
  async run(context) {
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const registrar = await context.worker(valkey.url);
    await registrar.register({ user_id: "u_1", url: receiver.url() });
    await registrar.terminate();
    await redis.lpush(QUEUE, POISON);
    // Each crash costs a lease. The short form has one, and writes the four before it into the claim.
    const crashes = context.long ? MAX_CRASHES : 1;
    for (let crash = 1; crash <= crashes; crash += 1) {
      context.progress(`crash ${crash} of ${crashes}`);
      const worker = await context.worker(
        valkey.url,
        { FLUXHOOK_TEST_FAULT: "claimed:0" },
        { awaitReady: false },
      );
      await eventually(() => worker.hasEnded, { withinMs: 40_000 });
    }
    if (!context.long) await rewriteCrashes(redis, MAX_CRASHES - 1);

    const worker = await context.worker(valkey.url);
    const producer = new Producer(redis);
    await producer.push(1);
    const arrivedAtOnce = await eventually(() => receiver.distinct === 1, {
      withinMs: 5_000,
    }).catch(() => false);
    const rejected = await eventually(async () => redis.lindex("fluxhook:rejected", 0), {
      withinMs: 40_000,
    }).catch(() => null);
    const { reason, raw } = JSON.parse(rejected ?? "{}") as { reason?: string; raw?: string };
    await producer.push(100);
    await eventually(() => receiver.distinct >= producer.acknowledged).catch(() => {});
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("rejected as", reason ?? "nothing", reason === "crashed-worker"),
        check("its bytes are kept", String(raw === POISON), raw === POISON),
        check("times it was sent", receiver.arrivals.get(-1) ?? 0, !receiver.arrivals.has(-1)),
        check("an event beside it arrived meanwhile", String(arrivedAtOnce), arrivedAtOnce),
        check("lost after it", result.lost, result.lost === 0),
        check("last worker has ended", String(worker.hasEnded), !worker.hasEnded),
      ],
    };
  },
};

/** Makes a dead worker's claims look as if earlier workers had died at them too. */
async function rewriteCrashes(redis: Redis, crashes: number): Promise<void> {
  const claims = await eventually(async () => (await redis.keys(`{${QUEUE}}:claims:*`))[0] ?? null);
  for (const [claim, item] of Object.entries(await redis.hgetall(claims))) {
    await redis.hset(claims, claim, item.replace(/^\d+/, String(crashes)));
  }
}

export const badInput: readonly Scenario[] = [malformed, crashing];
