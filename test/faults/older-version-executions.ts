// An upgrade without a stop, with workflows: the version before knows none of them. It takes events from the list
// beside the new replicas, and must leave executions, their keys and their schedule alone.
import {
  createWorkflow,
  httpNodes,
  NodeReceiver,
  NODES,
  sendAll,
  settled,
  statesOf,
} from "./executions.ts";
import { eventually } from "../support/eventually.ts";
import { check, type Result, type Scenario, type WorkerProcess } from "./harness.ts";
import { linesAt } from "./load.ts";
import { olderBinary } from "./older-binary.ts";

export const olderVersionExecutions: Scenario = {
  name: "older-version-executions",
  what: "two replicas of the previous version, which has no workflows, beside two new ones, during 400 (--long: 2,000) executions of seven nodes; one of each is killed",
  holds:
    "every accepted execution finishes, no finished node runs again, each event of an execution is delivered, and nothing of them is left",
  async run(context) {
    const older = await olderBinary(context.older);
    if (older === null) {
      const why = "this clone has no history to build it from; give a binary: --older <path>";
      const checks = [check("(not run) the previous version", why, !context.long)];
      return { sent: 0, received: 0, lost: 0, duplicates: 0, checks };
    }
    const executions = context.long ? 2_000 : 400;
    const valkey = await context.valkey();
    const redis = await context.redis(valkey.url);
    const nodes = new NodeReceiver();
    context.atEnd(() => nodes.stop());
    const events = context.receiver();
    const start = (version: "older" | "new") =>
      context.worker(valkey.url, {}, version === "older" ? { binary: older } : {});
    const olders = [await start("older"), await start("older")];
    const news = [await start("new"), await start("new")];
    await olders[0]?.register({ user_id: "u_1", url: events.url("/u_1") });
    const event = {
      id: "tell",
      type: "event",
      user_id: "u_1",
      event: "execution.told",
      data: { n: "{{trigger.data.n}}" },
    };
    const task = { id: "task", type: "task", task: "campaign", timeout_ms: 600_000 };
    await createWorkflow(news[0] as WorkerProcess, [...httpNodes(nodes.url), event, task]);
    const answering = answerTasks(valkey.url, context);
    const sending = sendAll(() => news, 0, executions);
    const all = executions * NODES.length;
    await eventually(() => nodes.total >= all / 2, { withinMs: 120_000 });
    await Promise.all([olders[1]?.kill(), news[1]?.kill()]);
    news[1] = await start("new");
    context.progress(`one of each was killed, ${nodes.total} of ${all} nodes`);
    const ids = await sending;
    const atOlder = await olders[0]?.api("POST", "/api/webhooks/campaign", {});
    const result: Result = await settled(redis, ids, nodes);
    await answering.stop();
    await eventually(() => events.distinct === executions, { withinMs: 60_000 }).catch(() => {});
    const errors = await Promise.all(
      [...olders, ...news].map(async (one) => linesAt(["error"], await one.log())),
    );
    const states = await statesOf(redis, ids);
    result.checks.push(
      check("events of executions that arrived", events.distinct, events.distinct === executions),
      check("executions that are gone", states.get("missing") ?? 0, !states.has("missing")),
      check(
        "the older version's answer to a sender",
        atOlder?.status ?? 0,
        atOlder?.status === 404,
      ),
      check("errors in the logs", errors.flat().join(" ") || 0, errors.flat().length === 0),
    );
    return result;
  },
};

/** Answers every task, as a user's program does. */
function answerTasks(
  url: string,
  context: Parameters<Scenario["run"]>[0],
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const run = async () => {
    const redis = await context.redis(url);
    while (!stopped.signal.aborted) {
      const found = await redis.blpop("fluxhook:tasks:campaign", 1);
      if (found === null) continue;
      const { id, reply_to: replyTo } = JSON.parse(found[1]) as { id: string; reply_to: string };
      await redis.rpush(replyTo, JSON.stringify({ id, output: id }));
    }
  };
  const running = run();
  return {
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
