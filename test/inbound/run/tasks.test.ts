// Tasks: jobs on a list for users' programs, and their answers.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { outputsIn, RunScene } from "./run-scene.ts";

interface Task {
  id: string;
  input: unknown;
  reply_to: string;
  attempt: number;
}

let scene: RunScene;

beforeAll(async () => {
  scene = await RunScene.open();
  await scene.start();
});

afterAll(() => scene.close());

/** Takes a task as a user's program does. */
async function take(name: string): Promise<Task & { text: string }> {
  const taken = await scene.redis.blpop(scene.keys.tasks(name), 10);
  const text = taken?.[1] ?? "";
  return { ...(JSON.parse(text) as Task), text };
}

async function answer({ reply_to }: Task, text: string): Promise<void> {
  await scene.redis.rpush(reply_to, text);
}

const isWaiting = async (id: string) => (await scene.read(id)).state === "waiting";

async function begun(name: string, node: object = {}): Promise<{ id: string; task: Task }> {
  const workflow = await scene.workflow([{ id: "a", type: "task", task: name, ...node }]);
  const { executionId: id } = await scene.accept(workflow);
  return { id, task: await take(name) };
}

describe("a task", () => {
  test("is pushed with its input, and its output is taken to the digit", async () => {
    const workflow = await scene.workflow([
      { id: "resize", type: "task", task: "resize", input: { n: "{{trigger.data.n}}" } },
      { id: "use", type: "set", value: "{{nodes.resize.output.big}}" },
    ]);
    const accepted = await scene.accept(workflow, { body: '{"n":1.10}' });
    const task = await take("resize");
    expect(task).toMatchObject({
      id: `${accepted.executionId}.resize.1`,
      task: "resize",
      execution_id: accepted.executionId,
      workflow_id: workflow,
      node_id: "resize",
      attempt: 1,
      reply_to: scene.keys.answers,
    });
    expect(task.text).toContain('"input":{"n":1.10}');
    await answer(task, `{"output": {"big":12345678901234567890}, "id":"${task.id}"}`);
    expect(outputsIn(await scene.ended(accepted.executionId))).toEqual({
      resize: '{"big":12345678901234567890}',
      use: "12345678901234567890",
    });
  });

  test("holds no slot and no room while it waits", async () => {
    const workflow = await scene.workflow([{ id: "a", type: "task", task: "slots" }], {
      concurrency: 1,
    });
    const ids = [];
    for (let nth = 0; nth < 20; nth += 1) ids.push((await scene.accept(workflow)).executionId);
    const tasks = [];
    for (const _ of ids) tasks.push(await take("slots"));
    await eventually(async () => (await scene.redis.zcard(scene.queue.schedule)) >= 20);
    for (const task of tasks) await answer(task, JSON.stringify({ id: task.id, output: task.id }));
    for (const id of ids) expect((await scene.ended(id)).kind).toBe("finished");
  });

  test("is pushed again after its deadline, and fails after its attempts", async () => {
    const workflow = await scene.workflow([
      {
        id: "a",
        type: "task",
        task: "late",
        timeout_ms: 100,
        retry: { attempts: 2, delay: "100ms" },
      },
    ]);
    const { executionId } = await scene.accept(workflow);
    const attempts = [(await take("late")).attempt, (await take("late")).attempt];
    expect(attempts).toEqual([1, 2]);
    expect(await scene.ended(executionId)).toMatchObject({
      kind: "failed",
      error: { node_id: "a", code: "task-timeout" },
    });
  });

  test("takes the late answer to an earlier attempt, and drops the second answer", async () => {
    const workflow = await scene.workflow([
      {
        id: "a",
        type: "task",
        task: "twice",
        timeout_ms: 100,
        retry: { attempts: 5, delay: "100ms" },
      },
      { id: "b", type: "task", task: "next" },
    ]);
    const { executionId } = await scene.accept(workflow);
    const first = await take("twice");
    const second = await take("twice");
    await answer(first, JSON.stringify({ id: first.id, output: "first" }));
    const next = await take("next");
    await answer(second, JSON.stringify({ id: second.id, output: "second" }));
    await eventually(() => scene.first.log.of("answer.dropped").length > 0);
    await answer(next, JSON.stringify({ id: next.id, output: null }));
    expect(outputsIn(await scene.ended(executionId))).toEqual({ a: '"first"', b: "null" });
  });

  test("an error is tried again, unless it says that it may not be", async () => {
    const { id, task } = await begun("errors", { retry: { attempts: 3, delay: "100ms" } });
    await answer(task, JSON.stringify({ id: task.id, error: { message: "not now" } }));
    const again = await take("errors");
    expect(again.attempt).toBe(2);
    await answer(again, JSON.stringify({ id: again.id, error: { message: "no", retry: false } }));
    expect(await scene.ended(id)).toMatchObject({ error: { code: "task-failed", message: "no" } });
  });

  test("an answer that is too large fails the node, and never leaves Valkey", async () => {
    const { id, task } = await begun("large");
    const output = "x".repeat(300_000);
    await answer(task, JSON.stringify({ id: task.id, output }));
    expect(await scene.ended(id)).toMatchObject({
      error: { code: "task-failed", message: expect.stringContaining("MAX_OUTPUT_BYTES") },
    });
  });

  test("what is no answer is taken off the list, and stops no other", async () => {
    const { id, task } = await begun("garbage");
    const before = scene.first.log.of("answer.invalid").length;
    const unknown = `{"id":"exec-${"a".repeat(26)}.a.1","output":1}`;
    const garbage = ["", "[", "[]", '{"id":5}', '{"id":"x"}', "[".repeat(100_000)];
    for (const text of garbage) await answer(task, text);
    await answer(task, unknown);
    await scene.redis.rpush(scene.keys.answers, Buffer.from([0xff, 0xfe]));
    await answer(task, JSON.stringify({ id: task.id, output: "good" }));
    expect(outputsIn(await scene.ended(id))).toEqual({ a: '"good"' });
    expect(scene.first.log.of("answer.invalid").length - before).toBe(garbage.length + 1);
    expect(await scene.redis.llen(scene.keys.answers)).toBe(0);
  });

  test("ends when its execution is cancelled, and its answer is dropped", async () => {
    const { id, task } = await begun("cancelled");
    await eventually(() => isWaiting(id));
    await eventually(async () => (await scene.redis.hexists(scene.queue.scheduled, id)) === 1);
    expect(await scene.first.control.cancel(id)).toBe("cancelled");
    expect(await scene.ended(id)).toEqual({ kind: "cancelled" });
    const before = scene.first.log.of("answer.dropped").length;
    await answer(task, JSON.stringify({ id: task.id, output: 1 }));
    await eventually(() => scene.first.log.of("answer.dropped").length > before);
    expect(await scene.redis.hexists(scene.queue.scheduled, id)).toBe(0);
  });

  test("fails where too many wait on its list", async () => {
    const small = await RunScene.open({ settings: { TASKS_MAX: 1 } });
    try {
      await small.start();
      const workflow = await small.workflow([
        { id: "a", type: "task", task: "t", retry: { attempts: 1 } },
      ]);
      await small.accept(workflow);
      await eventually(async () => (await small.redis.llen(small.keys.tasks("t"))) === 1);
      expect((await small.run(workflow)).waited).toMatchObject({
        error: { code: "task-queue-full" },
      });
    } finally {
      await small.close();
    }
  });
});
