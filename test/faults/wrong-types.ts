// A key of another type under every name of keys.ts, while deliveries of all kinds are under way: what
// does not need the key goes on, and after the repair all of it, each delivery once.
import type { WebhookId } from "../../src/wire/ids.ts";
import type { Redis } from "iovalkey";
import { ownerTag } from "../../src/valkey/queue/delivery-id.ts";
import { queueKeys, sharedKeys } from "../../src/valkey/keys.ts";
import { eventually } from "../support/eventually.ts";
import {
  check,
  type CountingReceiver,
  QUEUE,
  type Scenario,
  type ScenarioContext,
  type WorkerProcess,
} from "./harness.ts";

const queue = queueKeys(QUEUE);
const shared = sharedKeys("fluxhook");
const OF_EACH_KIND = 6;
/** Of each kind, to each of its webhooks. A parked one is answered 500 once, and is not sent again. */
const KINDS = ["plain", "fan", "retry", "slow", "parked", "rejected"] as const;
type Kind = (typeof KINDS)[number];
const WEBHOOKS: Record<Kind, number> = {
  plain: 1,
  fan: 2,
  retry: 1,
  slow: 1,
  parked: 1,
  rejected: 0,
};
/** Without these nothing can be claimed. */
const NEEDED_BY_ALL = new Set(["workers", "worker", "claims", "queue"]);
/** Nothing that a worker does here meets these: the API does, and alerts have been raised before. */
const UNSEEN = new Set(["idempotency", "alerts", "alerted", "webhookOwners", "watched"]);

/** How often each event was answered as it should be, at each path. */
class Arrivals {
  readonly counts = new Map<string, number>();
  private readonly seen = new Set<string>();

  constructor(receiver: CountingReceiver) {
    receiver.respond = async (n, path) => {
      const key = `${n} ${path}`;
      const isFirst = !this.seen.has(key);
      this.seen.add(key);
      if (path === "/slow") await Bun.sleep(60);
      if (path === "/retry" && isFirst) return new Response(null, { status: 500 });
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      return path === "/parked" ? new Response(null, { status: 500 }) : null;
    };
  }

  get duplicates(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count - 1, 0);
  }
}

interface Scene {
  context: ScenarioContext;
  redis: Redis;
  worker: WorkerProcess;
  arrivals: Arrivals;
  pushed: Record<Kind, number>;
  next: number;
}

export const wrongTypes: Scenario = {
  name: "wrong-type-keys",
  what: "each key of keys.ts in turn has another type while all kinds of deliveries run",
  holds:
    "duplicates 0; stalls 0 after the repair; deliveries that do not need the key go on; the log names it",
  async run(context) {
    const scene = await open(context);
    const found: Record<string, string> = { stalled: "", stopped: "", unnamed: "" };
    const note = (what: string, name: string) => (found[what] += ` ${name}`);
    for (const [name, key] of await keysOfAll(scene)) {
      context.progress(name);
      const logBefore = (await scene.worker.log()).length;
      const restore = await breakKey(scene.redis, key);
      const plainBefore = countOf(scene, "plain");
      await push(scene);
      const goesOn = await eventually(() => countOf(scene, "plain") >= plainBefore + OF_EACH_KIND, {
        withinMs: 10_000,
      }).catch(() => false);
      if (!goesOn && !NEEDED_BY_ALL.has(name)) note("stopped", name);
      const isNamed = await eventually(
        async () => (await scene.worker.log()).slice(logBefore).includes(key),
        { withinMs: UNSEEN.has(name) ? 0 : 15_000 },
      ).catch(() => false);
      if (!isNamed && !UNSEEN.has(name)) note("unnamed", name);
      await restore();
      const isDone = await eventually(() => allDone(scene), { withinMs: 30_000 }).catch(
        () => false,
      );
      if (!isDone) note("stalled", name);
    }
    const { arrivals, pushed } = scene;
    const expected = KINDS.reduce((sum, kind) => sum + pushed[kind] * WEBHOOKS[kind], 0);
    const left = await scene.redis.hlen(queue.scheduled);
    const { worker } = scene;
    const none = (names: string | undefined) => names?.trim() || "none";
    return {
      sent: expected,
      received: arrivals.counts.size,
      lost: expected - arrivals.counts.size,
      duplicates: arrivals.duplicates,
      checks: [
        check("lost", expected - arrivals.counts.size, expected === arrivals.counts.size),
        check("duplicates", arrivals.duplicates, arrivals.duplicates === 0),
        check(
          "keys after whose repair deliveries stalled",
          none(found.stalled),
          found.stalled === "",
        ),
        check(
          "keys that stopped deliveries that do not need them",
          none(found.stopped),
          found.stopped === "",
        ),
        check("keys that the log does not name", none(found.unnamed), found.unnamed === ""),
        check("left on the schedule", left, left === 0),
        check("worker has ended", String(worker.hasEnded), !worker.hasEnded),
      ],
    };
  },
};

async function open(context: ScenarioContext): Promise<Scene> {
  const valkey = await context.valkey();
  const redis = await context.redis(valkey.url);
  const receiver = context.receiver();
  const arrivals = new Arrivals(receiver);
  const worker = await context.worker(valkey.url, {
    FLUXHOOK_WEBHOOK_CONCURRENCY: "2",
    FLUXHOOK_REJECTED_MAX: "20000",
  });
  for (const kind of KINDS) {
    for (let i = 0; i < WEBHOOKS[kind]; i += 1) {
      const schedule = kind === "parked" ? ["0s"] : ["0s", "300ms", "300ms"];
      await worker.register({
        user_id: kind,
        url: receiver.url(kind === "fan" ? `/fan-${i}` : `/${kind}`),
        retry_schedule: schedule,
        disable_rule: null,
      });
    }
  }
  const pushed = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  const scene = { context, redis, worker, arrivals, pushed, next: 0 };
  // Every key that there can be is there, and code is compiled.
  await push(scene);
  await eventually(() => allDone(scene), { withinMs: 30_000 });
  return scene;
}

/** Beside the list where that is broken: from there they come onto it with the repair. */
async function push(scene: Scene): Promise<void> {
  const elements: string[] = [];
  for (let i = 0; i < OF_EACH_KIND; i += 1) {
    for (const kind of KINDS) {
      const n = scene.next++;
      elements.push(
        kind === "rejected"
          ? `rejected ${n}`
          : `{"user_id":"${kind}","event":"file.created","data":{"n":${n}}}`,
      );
    }
  }
  const target = (await scene.redis.type(QUEUE)) === "string" ? ASIDE : QUEUE;
  await scene.redis.lpush(target, ...elements);
  for (const kind of KINDS) scene.pushed[kind] += OF_EACH_KIND;
}

const ASIDE = `{${QUEUE}}-aside`;

async function keysOfAll({ redis }: Scene): Promise<[string, string][]> {
  const [worker] = await redis.zrange(queue.workers, 0, -1);
  const webhooks = await redis.hgetall(shared.webhookOwners);
  const idOf = (kind: Kind) =>
    (Object.keys(webhooks) as WebhookId[]).find((id) => webhooks[id] === `user:${kind}`) ??
    "wh_none";
  const ofQueue = Object.entries(queue).flatMap(([name, key]): [string, string][] =>
    typeof key === "string" && name !== "base" ? [[name, key]] : [],
  );
  return [
    ...ofQueue,
    ["lane", `${queue.base}:lane:${idOf("slow")}`],
    ["worker", queue.worker(worker ?? "")],
    ["claims", queue.claims(worker ?? "")],
    ["idempotency", queue.idempotency("x")],
    ["logs", shared.logs("user:retry")],
    ["rejected", shared.rejected],
    ["rejectedBytes", shared.rejectedBytes],
    ["kept", shared.bodies(ownerTag("user:retry"))],
    ["alerts", shared.alerts],
    ["alerted", shared.alerted("delivery.parked", idOf("parked"))],
    ["webhooks", shared.webhooks("user:retry")],
    ["webhookOwners", shared.webhookOwners],
    ["changes", shared.changes],
    ["health", shared.health(idOf("retry"))],
  ];
}

/** In one step each way, so that nothing is written to the key in between. */
async function breakKey(redis: Redis, key: string): Promise<() => Promise<void>> {
  const saved = `{${QUEUE}}-saved`;
  const script = `
    if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end
    redis.call('SET', KEYS[1], 'another type')
    if ARGV[1] == 'string' then redis.call('DEL', KEYS[1]) redis.call('RPUSH', KEYS[1], 'another type') end`;
  const isText = key === shared.rejectedBytes || key === queue.idempotency("x");
  // The worker reads the webhooks again only after it has lost its connections.
  if (key === shared.webhooks("user:retry")) await redis.call("CLIENT", "KILL", "TYPE", "normal");
  await redis.eval(script, 2, key, saved, isText ? "string" : "other");
  return async () => {
    await redis.eval(
      `redis.call('DEL', KEYS[1])
       if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
       if redis.call('EXISTS', KEYS[3]) == 0 then return end
       for _, element in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
         redis.call('RPUSH', KEYS[4], element)
       end
       redis.call('DEL', KEYS[3])`,
      4,
      key,
      saved,
      ASIDE,
      QUEUE,
    );
  };
}

function countOf({ arrivals }: Scene, kind: Kind): number {
  let count = 0;
  for (const key of arrivals.counts.keys()) if (key.includes(` /${kind}`)) count += 1;
  return count;
}

async function allDone(scene: Scene): Promise<boolean> {
  const { redis, pushed } = scene;
  const arrived = KINDS.every((kind) => countOf(scene, kind) >= pushed[kind] * WEBHOOKS[kind]);
  if (!arrived) return false;
  const parked = await redis.zcard(queue.parked);
  return (
    (await redis.llen(shared.rejected)) >= pushed.rejected &&
    parked >= pushed.parked &&
    (await redis.hlen(queue.scheduled)) === 0
  );
}
