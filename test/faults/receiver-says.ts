// What a receiver asks for holds on every worker: Retry-After and 410 (docs/design.md, "Responses").
import { eventually } from "../support/eventually.ts";
import { check, counts, Producer, type Scenario, type WorkerProcess } from "./harness.ts";

const RETRY_AFTER_S = 2;
/** Within which another worker has heard of a pause. */
const HEARD_MS = 1_000;

const retryAfter: Scenario = {
  name: "retry-after",
  what: "a receiver answers 429 with Retry-After: 2, three times over, to two workers",
  holds: "no request within the pause, from either worker; then everything arrives",
  async run(context) {
    const events = context.long ? 5_000 : 500;
    const valkey = await context.valkey();
    const receiver = context.receiver();
    const workers = [await context.worker(valkey.url), await context.worker(valkey.url)];
    await workers[0]?.register({
      user_id: "u_1",
      url: receiver.url(),
      retry_schedule: Array.from({ length: 20 }, () => "0s"),
    });
    const pauses: number[] = [];
    const requests: number[] = [];
    let refusing = true;
    receiver.respond = () => {
      const now = performance.now();
      requests.push(now);
      if (!refusing) return null;
      pauses.push(now);
      return new Response(null, {
        status: 429,
        headers: { "Retry-After": String(RETRY_AFTER_S) },
      });
    };
    const producer = new Producer(await context.redis(valkey.url));
    await producer.push(events);
    const rounds = () => clusters(pauses, HEARD_MS).length;
    await eventually(() => rounds() >= 3, { withinMs: 30_000 });
    refusing = false;
    await eventually(() => receiver.distinct >= events, { withinMs: 60_000 }).catch(() => {});
    const early = requests.filter((at) =>
      pauses.some((from) => at - from >= HEARD_MS && at - from < RETRY_AFTER_S * 1_000),
    ).length;
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("requests within a pause, after its first second", early, early === 0),
        check("requested pauses", `${rounds()} times, ${pauses.length} answers`, rounds() >= 3),
        check("lost", result.lost, result.lost === 0),
        check("duplicates", result.duplicates, result.duplicates === 0),
      ],
    };
  },
};

/** The first of each group of times that lie less than so far apart. */
function clusters(times: readonly number[], apartMs: number): number[] {
  return times.filter((at, i) => i === 0 || at - (times[i - 1] ?? 0) >= apartMs);
}

const gone: Scenario = {
  name: "gone-410",
  what: "a receiver answers 410; its webhook is enabled later, and its parked events are redelivered",
  holds: "disabled at once, later events are parked, redelivery by filter delivers them all",
  async run(context) {
    const events = context.long ? 10_000 : 1_500;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = context.receiver();
    const worker = await context.worker(valkey.url);
    const webhook = await worker.register({ user_id: "u_1", url: receiver.url() });
    let isGone = true;
    receiver.respond = () => (isGone ? new Response(null, { status: 410 }) : null);
    const producer = new Producer(redis);
    await producer.push(1);
    const parked = () => redis.zcard("{fluxhook:events}:parked");
    await eventually(async () => (await parked()) === 1);
    const answeredAt = performance.now();
    const disabled = await eventually(() => reasonOff(worker, webhook)).catch(() => "no");
    const disabledMs = performance.now() - answeredAt;
    // A change counts on every worker within one second; on this one it is known by then.
    await Bun.sleep(Math.max(0, 1_000 - disabledMs));
    const before = receiver.requests;
    await producer.push(events - 1);
    await eventually(async () => (await parked()) === events, { withinMs: 30_000 }).catch(() => {});
    const parkedAll = await parked();
    const sentMeanwhile = receiver.requests - before;

    isGone = false;
    await worker.api("POST", `/v1/webhooks/${webhook}/enable`);
    await Bun.sleep(1_000);
    const { calls, redelivered } = await redeliverAll(worker, webhook);
    await eventually(() => receiver.distinct >= events, { withinMs: 30_000 }).catch(() => {});
    const result = counts(producer, receiver);
    return {
      ...result,
      checks: [
        check("disabled", disabled, disabled === "gone"),
        check("requests while it was disabled", sentMeanwhile, sentMeanwhile === 0),
        check("parked", parkedAll, parkedAll === events),
        check("redelivered", `${redelivered} in ${calls} calls`, redelivered === events),
        check("lost", result.lost, result.lost === 0),
        check("duplicates", result.duplicates, result.duplicates === 0),
        check("events whose id changed", receiver.changedIds.size, receiver.changedIds.size === 0),
      ],
    };
  },
};

/** Why the webhook is disabled; null while it is not. */
async function reasonOff(worker: WorkerProcess, webhook: string): Promise<string | null> {
  const answer = await worker.api("GET", `/v1/webhooks/${webhook}`);
  const { enabled, disabled_reason: reason } = (await answer.json()) as {
    enabled: boolean;
    disabled_reason: string | null;
  };
  return enabled ? null : (reason ?? "without a reason");
}

async function redeliverAll(
  worker: WorkerProcess,
  webhook: string,
): Promise<{ calls: number; redelivered: number }> {
  let [calls, redelivered] = [0, 0];
  for (;;) {
    const response = await worker.api("POST", "/v1/parked/redeliver", {
      webhook_id: webhook,
      limit: 1_000,
    });
    if (response.status !== 200) return { calls, redelivered };
    const answer = (await response.json()) as { redelivered: number; remaining: number };
    calls += 1;
    redelivered += answer.redelivered;
    if (answer.remaining === 0 || answer.redelivered === 0) return { calls, redelivered };
  }
}

export const receiverSays: readonly Scenario[] = [retryAfter, gone];
