// What is left in Valkey: the bytes of a fanned-out event, and what stays when all is over.
import type { Redis } from "iovalkey";
import { eventually } from "../support/eventually.ts";
import {
  check,
  type CountingReceiver,
  Producer,
  QUEUE,
  type Scenario,
  type WorkerProcess,
} from "./harness.ts";

const BASE = `{${QUEUE}}`;
const CONFIGURATION =
  /^fluxhook:(webhooks:(user|org):[^:]+|webhook-owners|disabled-webhooks|changes|audit|health:wh_[A-Za-z0-9]+)$/;
/** Kept for days, hours or minutes whatever the settings are; what matters is that they do end. */
const HISTORY = /^(fluxhook:(alerts$|alerted:)|\{fluxhook:series\}:)/;

const nothingIsLeft: Scenario = {
  name: "leftovers",
  what: "deliveries, retries, lanes, pauses, fan-outs, parked and rejected: all delivered or expired",
  holds: "only keys of configuration are left",
  async run(context) {
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const env = {
      FLUXHOOK_WEBHOOK_CONCURRENCY: "2",
      FLUXHOOK_LOG_TTL: "1s",
      FLUXHOOK_PARKED_TTL: "3s",
      FLUXHOOK_PARKED_MAX: "150",
      FLUXHOOK_REJECTED_TTL: "1s",
    };
    await registerBlocked(await context.worker(valkey.url, OPEN));
    const worker = await context.worker(valkey.url, env);
    const doomed = await registerEveryKind(worker, receiver);
    const events = context.long ? 2_000 : 200;
    const users = ["slow", "fan", "failing", "paused", "gone", "blocked", "doomed", "nobody"];
    const producer = new Producer(redis, { userOf: (n) => users[n % users.length] ?? "" });
    await producer.push(users.length * events);
    await redis.lpush(QUEUE, ...Array.from({ length: events }, (_, i) => `rejected ${i}`));
    const seen = new Set<string>();
    if (context.long) await crashOnce(worker);
    const last = context.long ? await context.worker(valkey.url, env) : worker;
    // Deleted while its deliveries wait for their second attempt.
    await eventually(async () => (await redis.zcard(`${BASE}:schedule`)) > 0);
    await last.api("DELETE", `/v1/webhooks/${doomed}`);
    const left = await eventually(
      async () => {
        const keys = await stateKeys(redis);
        for (const key of keys) seen.add(kindOf(key));
        context.progress(`${keys.length} keys, ${receiver.requests} requests`);
        // The living worker's own, until it leaves: its heartbeat, its claim number, the counts.
        return keys.length <= 3;
      },
      { withinMs: context.long ? 180_000 : 40_000 },
    ).catch(() => false);
    const { code } = await last.terminate();
    // The counts end last: a parked delivery's time after the worker's last heartbeat.
    await eventually(async () => (await stateKeys(redis)).length === 0, {
      withinMs: 30_000,
    }).catch(() => {});
    const remaining = await stateKeys(redis);
    const history = (await redis.keys("*")).filter((key) => HISTORY.test(key));
    const endless = await withoutTtl(redis, history);
    const delivered = new Set(users.slice(0, 2));
    const sent = [...Array(producer.acknowledged).keys()].filter((n) =>
      delivered.has(users[n % users.length] ?? ""),
    );
    const received = sent.filter((n) => receiver.arrivals.has(n)).length;
    const missing = KINDS.filter((kind) => !seen.has(kind));
    return {
      sent: sent.length,
      received,
      lost: sent.length - received,
      duplicates: 0,
      checks: [
        check("kinds of state that occurred", seen.size, missing.length === 0),
        ...missing.map((kind) => check("never seen", kind, false)),
        check("all deliveries had ended before the worker did", String(left), left),
        check(
          "keys left other than configuration",
          remaining.join(" ") || "none",
          remaining.length === 0,
        ),
        check("history that never ends", endless.join(" ") || "none", endless.length === 0),
        check("exit code after SIGTERM", code, code === 0),
        check("lost", sent.length - received, received === sent.length),
      ],
    };
  },
};

/** What this scenario has to have made: otherwise its end proves nothing. `ready` is too short-lived
 * to be seen for sure. */
const KINDS = [
  "claims",
  "schedule",
  "scheduled",
  "lanes",
  "lane",
  "events",
  "refs",
  "parked",
  "parked-items",
  "parked-index",
  "parked-of",
  "parked-counts",
  "parked-webhooks",
  "paused",
  "stats",
  "worker",
  "workers",
  "logs",
  "kept",
  "rejected",
  "bytes",
];

/** How often the receiver asks for a pause of a second; it fails afterwards. */
const PAUSES = 8;

function kindOf(key: string): string {
  if (key.startsWith("{")) return key.slice(key.indexOf("}") + 2).split(":")[0] ?? "";
  return key.split(":")[1] ?? "";
}

async function registerEveryKind(
  worker: WorkerProcess,
  receiver: CountingReceiver,
): Promise<string> {
  const retry = ["0s", "500ms"];
  for (let i = 0; i < 5; i += 1) {
    const path = `/fan-${i % 2 === 0 ? "well" : "failing"}-${i}`;
    await worker.register({ user_id: "fan", url: receiver.url(path), retry_schedule: retry });
  }
  for (const user of ["slow", "failing", "paused", "gone"]) {
    await worker.register({
      user_id: user,
      url: receiver.url(`/${user}`),
      retry_schedule: retry,
    });
  }
  let pausesLeft = PAUSES;
  receiver.respond = async (_, path) => {
    if (path === "/slow") await Bun.sleep(20);
    if (path === "/gone") return new Response(null, { status: 410 });
    if (path === "/paused" && pausesLeft-- > 0) {
      return new Response(null, { status: 429, headers: { "Retry-After": "1" } });
    }
    return path.includes("failing") || path === "/doomed" || path === "/paused"
      ? new Response(null, { status: 500 })
      : null;
  };
  return worker.register({
    user_id: "doomed",
    url: receiver.url("/doomed"),
    retry_schedule: ["0s", "4s"],
  });
}

/** Its address is denied at saving too, so it is saved while it is allowed. */
async function registerBlocked(open: WorkerProcess): Promise<void> {
  await open.register({ user_id: "blocked", url: "https://10.0.0.1/" });
  await open.terminate();
}

const OPEN = { FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8,10.0.0.0/8" };

async function crashOnce(worker: WorkerProcess): Promise<void> {
  await Bun.sleep(200);
  await worker.kill();
}

/** All keys but configuration and history. */
async function stateKeys(redis: Redis): Promise<string[]> {
  const keys = await redis.keys("*");
  return keys.filter((key) => !CONFIGURATION.test(key) && !HISTORY.test(key));
}

async function withoutTtl(redis: Redis, keys: readonly string[]): Promise<string[]> {
  const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
  return keys.filter((_, i) => ttls[i] === -1);
}

const WEBHOOKS = 100;
/** Of the first event. */
const ALWAYS_FAIL = 5;
/** Of both events; the ones above are among them. */
const FAIL_TWICE = 35;
const PADDING = 50_000;

const fanOut: Scenario = {
  name: "fan-out",
  what: "one event for 100 webhooks, of which 30 fail twice and 5 always; then an event that arrives everywhere",
  holds:
    "its bytes are stored once while any delivery waits, and removed after the last; each webhook got it",
  async run(context) {
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const worker = await context.worker(valkey.url, { FLUXHOOK_PARKED_TTL: "3s" });
    const schedule = ["0s", "500ms", "1s"];
    for (let i = 0; i < WEBHOOKS; i += 1) {
      const url = receiver.url(`/${i}`);
      await worker.register({ user_id: "u_1", url, retry_schedule: schedule });
    }
    const attempts = new Map<string, number>();
    const got = new Set<string>();
    receiver.respond = (n, path) => {
      const webhook = Number(path.slice(1));
      const attempt = (attempts.get(`${n} ${path}`) ?? 0) + 1;
      attempts.set(`${n} ${path}`, attempt);
      const neverWell = n === 0 && webhook < ALWAYS_FAIL;
      if (neverWell || (webhook < FAIL_TWICE && attempt <= 2)) {
        return new Response(null, { status: 500 });
      }
      got.add(`${n} ${path}`);
      return null;
    };
    const producer = new Producer(redis, { padding: PADDING });
    const isGone = () =>
      eventually(async () => (await redis.exists(`${BASE}:events`, `${BASE}:refs`)) === 0, {
        withinMs: 20_000,
      }).catch(() => false);

    // The last that waits for it is parked, and expires.
    await producer.push(1);
    await eventually(async () => (await redis.zcard(`${BASE}:schedule`)) > 0);
    const whileScheduled = await stored(redis);
    await eventually(async () => (await redis.zcard(`${BASE}:parked`)) === ALWAYS_FAIL, {
      withinMs: 20_000,
    });
    const whileParked = await stored(redis);
    const goneAfterParked = await isGone();

    // The last that waits for it is delivered.
    await producer.push(1);
    await eventually(() => got.size >= 2 * WEBHOOKS - ALWAYS_FAIL, { withinMs: 20_000 }).catch(
      () => {},
    );
    const goneAfterDelivered = await isGone();
    const sent = 2 * WEBHOOKS - ALWAYS_FAIL;
    const more = [...attempts].filter(
      ([key, n]) => n > (Number(key.split("/")[1]) < FAIL_TWICE ? 3 : 1),
    );
    return {
      sent,
      received: got.size,
      lost: sent - got.size,
      duplicates: more.length,
      checks: [
        check("webhooks that got it", got.size, got.size === sent),
        check("unneeded requests", more.length, more.length === 0),
        check("copies while some retry", whileScheduled.text, whileScheduled.once),
        check("copies while the last are parked", whileParked.text, whileParked.once),
        check("gone after the last has expired", String(goneAfterParked), goneAfterParked),
        check("gone after the last is delivered", String(goneAfterDelivered), goneAfterDelivered),
        check("ids that changed", receiver.changedIds.size, receiver.changedIds.size === 0),
      ],
    };
  },
};

/** The copies of the event, and what all that waits for it takes beside them. */
async function stored(redis: Redis): Promise<{ text: string; once: boolean }> {
  const copies = await redis.hlen(`${BASE}:events`);
  const waiting = await Promise.all([
    redis.hvals(`${BASE}:scheduled`),
    redis.hvals(`${BASE}:parked-items`),
    redis.lrange(`${BASE}:ready`, 0, -1),
  ]);
  const items = waiting.flat();
  const bytes = items.reduce((sum, item) => sum + item.length, 0);
  return {
    text: `${copies}; ${items.length} deliveries beside it take ${bytes} bytes`,
    once: copies === 1 && items.length > 0 && bytes < PADDING,
  };
}

export const leftovers: readonly Scenario[] = [nothingIsLeft, fanOut];
