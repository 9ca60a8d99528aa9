// What is published of executions while somebody looks: each change, once in a tenth of a second, within a limit.
import { afterEach, describe, expect, test } from "bun:test";
import { LiveExecutions } from "../../src/inbound/live-executions.ts";
import { LiveStore } from "../../src/valkey/history/live-store.ts";
import { sharedKeys } from "../../src/valkey/keys.ts";
import { readExecutions, type LiveExecution } from "../../src/wire/live-execution.ts";
import { eventually } from "../support/eventually.ts";
import { startReceiver, type Receiver } from "../support/receiver.ts";
import { RunScene, type Replica } from "./run/run-scene.ts";

const open: { stop: () => Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.stop();
});

async function watchedScene(): Promise<{ scene: RunScene; replica: Replica }> {
  const scene = await RunScene.open({ heartbeatMs: 50 });
  open.push({ stop: () => scene.close() });
  return { scene, replica: await scene.start() };
}

/** As a process with viewers says it, until the replica has learned it. */
async function look(scene: RunScene, replica: Replica): Promise<void> {
  const queues = { attempts: [], executions: [scene.keys.queue] };
  await new LiveStore(replica.link, sharedKeys(scene.prefix), queues).renew("executions");
  await eventually(() => replica.live.isWatched);
}

const shownOf = (replica: Replica): LiveExecution[] =>
  replica.published.flatMap((text) => [...readExecutions(text).executions]);

describe("executions", () => {
  test("are published while somebody looks: the node that begins, and the end", async () => {
    const { scene, replica } = await watchedScene();
    const held = Promise.withResolvers<Response>();
    const receiver: Receiver = startReceiver(() => held.promise);
    open.push(receiver);
    const id = await scene.workflow([
      { id: "a", type: "set", value: 1 },
      { id: "ask", type: "http", url: receiver.url },
    ]);
    await scene.run(await scene.workflow([{ id: "a", type: "set", value: 1 }]));
    expect(replica.published).toEqual([]);
    await look(scene, replica);
    const { executionId } = await scene.accept(id);
    await eventually(() => shownOf(replica).some(({ node_id }) => node_id === "ask"));
    held.resolve(new Response("{}"));
    await eventually(() => shownOf(replica).some(({ state }) => state === "finished"));
    const shown = shownOf(replica);
    expect(shown.at(-1)).toMatchObject({
      id: executionId,
      workflow_id: id,
      state: "finished",
      node_id: null,
    });
    expect(shown.find(({ node_id }) => node_id === "ask")?.state).toBe("running");
    // Nobody renews it.
    await scene.redis.del(scene.queue.watched);
    await eventually(() => !replica.live.isWatched);
  });

  test("that are cancelled, and begun again, are published", async () => {
    const { scene, replica } = await watchedScene();
    const id = await scene.workflow([{ id: "wait", type: "task", task: "t" }]);
    const { executionId } = await scene.accept(id);
    await eventually(async () => (await scene.read(executionId)).state === "waiting");
    await look(scene, replica);
    expect(await replica.control.cancel(executionId)).toBe("cancelled");
    await eventually(() => shownOf(replica).at(-1)?.state === "cancelled");
    expect(await replica.control.retry(executionId)).toBe("retried");
    await eventually(() => shownOf(replica).at(-1)?.state === "waiting");
    expect(shownOf(replica).every(({ workflow_id }) => workflow_id === id)).toBe(true);
  });
});

describe("changes within a tenth of a second", () => {
  function collect(): { live: LiveExecutions; published: string[] } {
    const published: string[] = [];
    const live = new LiveExecutions({ publish: async (text) => published.push(text) });
    live.watch(true);
    return { live, published };
  }

  test("of one execution are published once, as it is last", async () => {
    const { live, published } = collect();
    live.add({ id: "exec-1", workflowId: "w", state: "queued" });
    live.add({ id: "exec-1", workflowId: "w", state: "running", nodeId: "a" });
    live.add({ id: "exec-1", workflowId: "w", state: "finished" });
    await eventually(() => published.length > 0);
    expect(readExecutions(published[0] ?? "").executions).toMatchObject([
      { id: "exec-1", state: "finished", node_id: null },
    ]);
  });

  test("of more than 20 executions are published of 20, and the others are counted", async () => {
    const { live, published } = collect();
    for (let n = 0; n < 500; n += 1) {
      live.add({ id: `exec-${n}`, workflowId: "w", state: "queued" });
    }
    await eventually(() => published.length > 0);
    const { executions, missed } = readExecutions(published[0] ?? "");
    expect([executions.length, missed]).toEqual([20, 480]);
    expect(published).toHaveLength(1);
  });
});
