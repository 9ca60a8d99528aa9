// Executions of workflows under kills: what was accepted ends, and no finished node runs again.
import { createHmac } from "node:crypto";
import type { Redis } from "iovalkey";
import { eventually } from "../support/eventually.ts";
import {
  check,
  type Result,
  type Scenario,
  type ScenarioContext,
  type WorkerProcess,
} from "./harness.ts";

const SECRET = "a-secret-of-the-campaign";
export const NODES = ["a", "b", "c", "d", "e"];
const BASE = "{fluxhook:executions}";

/** Receives the nodes of executions, and knows what came again. */
export class NodeReceiver {
  /** execution → the nodes that arrived, in order. */
  readonly arrivals = new Map<string, string[]>();
  total = 0;
  private readonly server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    development: false,
    fetch: async (request) => {
      const [execution = "", node = ""] = (request.headers.get("idempotency-key") ?? "").split(".");
      const nodes = this.arrivals.get(execution) ?? [];
      this.arrivals.set(execution, nodes);
      nodes.push(node);
      this.total += 1;
      // Slow enough that every kill meets nodes in hand.
      await Bun.sleep(2);
      return Response.json({ node });
    },
  });

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  /** Nodes that arrived again though a later node had arrived: their results had been stored. */
  get finishedAgain(): number {
    let again = 0;
    for (const nodes of this.arrivals.values()) {
      let latest = "";
      for (const node of nodes) {
        if (node < latest) again += 1;
        else latest = node;
      }
    }
    return again;
  }

  get inHandAgain(): number {
    let again = 0;
    for (const nodes of this.arrivals.values()) again += nodes.length - new Set(nodes).size;
    return again - this.finishedAgain;
  }

  async stop(): Promise<void> {
    await this.server.stop(true);
  }
}

export async function createWorkflow(
  worker: WorkerProcess,
  nodes: readonly object[],
): Promise<void> {
  const body = { id: "campaign", name: "Campaign", trigger: { secret: SECRET }, nodes };
  const response = await worker.api("POST", "/v1/workflows", body);
  if (!response.ok) throw new Error(`the workflow was not created: ${await response.text()}`);
}

/** Sends a request as a sender does: again, with the same key, until it is answered. Returns the execution. */
async function send(workers: () => WorkerProcess[], n: number): Promise<string> {
  const body = JSON.stringify({ n });
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  return eventually(
    async () => {
      const all = workers();
      const response = await fetch(`${all[n % all.length]?.url}/api/webhooks/campaign`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-Webhook-Signature": signature,
          "Idempotency-Key": `n-${n}`,
        },
        body,
        signal: AbortSignal.timeout(5_000),
      });
      if (!response.ok) throw new Error(`it was answered ${response.status}`);
      return ((await response.json()) as { executionId: string }).executionId;
    },
    { withinMs: 60_000 },
  );
}

export async function sendAll(
  workers: () => WorkerProcess[],
  from: number,
  to: number,
): Promise<string[]> {
  const ids: string[] = [];
  let next = from;
  const sender = async () => {
    while (next < to) ids.push(await send(workers, next++));
  };
  await Promise.all(Array.from({ length: 32 }, sender));
  return ids;
}

/** How many executions are in each state. */
export async function statesOf(redis: Redis, ids: readonly string[]): Promise<Map<string, number>> {
  const states = new Map<string, number>();
  for (const id of ids) {
    const state = (await redis.hget(`${BASE}:x:${id}`, "state")) ?? "missing";
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  return states;
}

export const httpNodes = (url: string) =>
  NODES.map((id) => ({ id, type: "http", method: "POST", url }));

async function untilFinished(redis: Redis, ids: readonly string[]): Promise<number> {
  await eventually(async () => ((await statesOf(redis, ids)).get("finished") ?? 0) === ids.length, {
    withinMs: 120_000,
  }).catch(() => {});
  return (await statesOf(redis, ids)).get("finished") ?? 0;
}

export async function settled(
  redis: Redis,
  ids: readonly string[],
  receiver: NodeReceiver,
): Promise<Result> {
  const finished = await untilFinished(redis, ids);
  const states = [...(await statesOf(redis, ids))].map(([state, n]) => `${state} ${n}`);
  const left = [
    await redis.llen("fluxhook:executions"),
    await redis.llen(`${BASE}:ready`),
    await redis.zcard(`${BASE}:schedule`),
    await redis.zcard(`${BASE}:lanes`),
    await redis.hlen(`${BASE}:revision-uses`),
  ];
  return {
    sent: ids.length,
    received: finished,
    lost: ids.length - finished,
    duplicates: receiver.inHandAgain,
    checks: [
      check("states of the executions", states.join(", "), finished === ids.length),
      check("executions that have not finished", ids.length - finished, finished === ids.length),
      check("finished nodes that ran again", receiver.finishedAgain, receiver.finishedAgain === 0),
      check("nodes in hand that ran again", receiver.inHandAgain, true),
      check(
        "left on list, ready, schedule, lanes, uses",
        left.join(" "),
        left.every((n) => n === 0),
      ),
    ],
  };
}

async function twoWorkers(context: ScenarioContext, url: string): Promise<WorkerProcess[]> {
  return [await context.worker(url), await context.worker(url)];
}

const workerKills: Scenario = {
  name: "executions-sigkill",
  what: "SIGKILL one of two workers 4 times (--long: 20) during 2,000 executions of five nodes",
  holds: "every accepted execution finishes; no finished node runs again",
  async run(context) {
    const executions = context.long ? 2_000 : 400;
    const kills = context.long ? 20 : 4;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const receiver = new NodeReceiver();
    context.atEnd(() => receiver.stop());
    const workers = await twoWorkers(context, valkey.url);
    await createWorkflow(workers[0] as WorkerProcess, httpNodes(receiver.url));
    const sending = sendAll(() => workers, 0, executions);
    const all = executions * NODES.length;
    for (let kill = 1; kill <= kills; kill += 1) {
      const target = (all / (kills + 1)) * kill;
      await eventually(() => receiver.total >= target, { withinMs: 120_000 });
      const at = kill % 2;
      await workers[at]?.kill();
      workers[at] = await context.worker(valkey.url);
      context.progress(`kill ${kill} of ${kills}, ${receiver.total} of ${all} nodes`);
    }
    return settled(redis, await sending, receiver);
  },
};

const valkeyKills: Scenario = {
  name: "executions-sigkill-valkey",
  what: "SIGKILL Valkey (append-only) 3 times (--long: 10) during 2,000 executions of five nodes",
  holds: "every accepted execution finishes",
  async run(context) {
    const executions = context.long ? 2_000 : 400;
    const kills = context.long ? 10 : 3;
    // With everysec Valkey may answer before it has written, if its disk is busy (up to 2 s are lost then).
    const valkey = await context.valkey(["--appendfsync", "always"]);
    const receiver = new NodeReceiver();
    context.atEnd(() => receiver.stop());
    const workers = await twoWorkers(context, valkey.url);
    await createWorkflow(workers[0] as WorkerProcess, httpNodes(receiver.url));
    const sending = sendAll(() => workers, 0, executions);
    const all = executions * NODES.length;
    for (let kill = 1; kill <= kills; kill += 1) {
      const target = (all / (kills + 1)) * kill;
      await eventually(() => receiver.total >= target, { withinMs: 120_000 });
      valkey.signal("SIGKILL");
      await valkey.exited;
      await valkey.restart();
      context.progress(`kill ${kill} of ${kills}, ${receiver.total} of ${all} nodes`);
    }
    const ids = await sending;
    return settled(await context.redis(valkey.url), ids, receiver);
  },
};

const MAX_GROWTH_MIB = 48;

const waitingTasks: Scenario = {
  name: "executions-waiting",
  what: "2,000 (--long: 10,000) executions wait for tasks; the worker is killed; then all are answered",
  holds: "no claim is held while they wait, memory does not grow with them, and each finishes",
  async run(context) {
    const executions = context.long ? 10_000 : 2_000;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    let worker = await context.worker(valkey.url);
    const node = { id: "a", type: "task", task: "campaign", timeout_ms: 3_600_000 };
    await createWorkflow(worker, [node]);
    const warm = executions / 2;
    const isWaiting = async (count: number) =>
      (await redis.zcard(`${BASE}:schedule`)) === count &&
      (await redis.llen("fluxhook:tasks:campaign")) === count;
    const ids = await sendAll(() => [worker], 0, warm);
    await eventually(() => isWaiting(warm), { withinMs: 60_000 });
    const beforeMib = await worker.rssMib();
    ids.push(...(await sendAll(() => [worker], warm, executions)));
    await eventually(() => isWaiting(executions), { withinMs: 60_000 });
    const growthMib = Math.round((await worker.rssMib()) - beforeMib);
    const claims = await redis.keys(`${BASE}:claims:*`);
    context.progress(`${executions} wait, ${growthMib} MiB more for the second half`);
    await worker.kill();
    worker = await context.worker(valkey.url);
    for (const task of await redis.lrange("fluxhook:tasks:campaign", 0, -1)) {
      const { id, reply_to: replyTo } = JSON.parse(task) as { id: string; reply_to: string };
      await redis.rpush(replyTo, JSON.stringify({ id, output: id }));
    }
    const receiver = new NodeReceiver();
    context.atEnd(() => receiver.stop());
    const result = await settled(redis, ids, receiver);
    const grew = `${growthMib} MiB`;
    result.checks.push(
      check("workers with claims while all wait", claims.length, claims.length === 0),
      check("memory for the second half of them", grew, growthMib <= MAX_GROWTH_MIB),
    );
    return result;
  },
};

export const executions: readonly Scenario[] = [workerKills, valkeyKills, waitingTasks];
