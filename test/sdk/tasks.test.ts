// `tasks` takes jobs from a real Valkey as a user's program does, and answers them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { tasks, type Task } from "../../src/sdk/index.ts";
import { outputsIn, RunScene } from "../inbound/run/run-scene.ts";
import { testRedis } from "../support/valkey.ts";

let scene: RunScene;

beforeAll(async () => {
  scene = await RunScene.open();
  await scene.start();
});

afterAll(() => scene.close());

test("tasks yields each task with its input, answers it, and ends with its signal", async () => {
  const workflow = await scene.workflow([
    { id: "double", type: "task", task: "double", input: { n: "{{trigger.data.n}}" } },
  ]);
  const valkey = await testRedis(scene.url);
  const over = new AbortController();
  const seen: Task[] = [];
  const program = (async () => {
    const options = { prefix: scene.prefix, signal: over.signal };
    for await (const task of tasks<{ n: number }>(valkey, "double", options)) {
      seen.push(task);
      if (task.input.n === 0 && task.attempt === 1) await task.fail("not yet");
      else await task.answer({ twice: 2 * task.input.n });
      if (seen.length === 4) over.abort();
    }
  })();
  const outputs = await Promise.all(
    [0, 1, 2].map(async (n) => outputsIn((await scene.run(workflow, `{"n":${n}}`)).waited)),
  );
  expect(outputs).toEqual([0, 2, 4].map((twice) => ({ double: `{"twice":${twice}}` })));
  await program;
  expect(seen.map(({ node_id: node, workflow_id: id }) => [node, id])).toEqual(
    Array.from({ length: 4 }, () => ["double", workflow]),
  );
  valkey.disconnect();
});
