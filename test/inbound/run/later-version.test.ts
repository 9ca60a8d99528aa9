// What another version, or another program, may have left in Valkey.
import { expect, test } from "bun:test";
import { useRunScenes } from "./run-scene.ts";

const { scene } = useRunScenes();

test("a later version may write more behind the id on the list", async () => {
  const one = await scene({}, 0);
  const accepts = await one.start({ isRunning: false });
  const id = await one.workflow([{ id: "a", type: "set", value: 1 }]);
  const { executionId } = await one.accept(id, {}, accepts);
  const [element = ""] = await one.redis.lrange(one.keys.queue, 0, -1);
  await one.redis.lset(one.keys.queue, 0, `${element} more of it`);
  await one.start();
  expect(await one.ended(executionId)).toMatchObject({ kind: "finished" });
});

test("a later version may have saved nodes that this one cannot run: the execution fails at once, and says why", async () => {
  const one = await scene();
  const id = await one.workflow([{ id: "a", type: "set", value: 1 }]);
  const key = one.keys.revision(id, 1);
  const text = (await one.redis.get(key)) ?? "";
  await one.redis.set(key, text.replace('"type":"set"', '"type":"wait"'));
  const { waited } = await one.run(id);
  expect(waited).toMatchObject({ kind: "failed", error: { code: "revision-unusable" } });
  expect(JSON.stringify(waited)).toContain("nodes.0.type");
});

test("what an execution gave is answered also where its revision cannot be run here", async () => {
  const one = await scene();
  const id = await one.workflow([{ id: "a", name: "First", type: "set", value: 7 }]);
  const { id: executionId } = await one.run(id);
  await one.redis.del(one.keys.revision(id, 1));
  // This one has not read the revision.
  const other = await one.start({ isRunning: false });
  expect(await one.ended(executionId, 20_000, other)).toEqual({
    kind: "finished",
    nodes: [{ id: "a", name: "a", output: "7", turn: 0 }],
  });
});

test("a list of executions shows the others where one was damaged", async () => {
  const one = await scene();
  const id = await one.workflow([{ id: "a", type: "set", value: 1 }]);
  const ids = [(await one.run(id)).id, (await one.run(id)).id];
  await one.redis.hset(one.keys.execution(ids[0] ?? ""), "error", "no JSON");
  const page = await one.first.control.list({
    workflowId: id,
    state: null,
    after: null,
    limit: 10,
  });
  expect(page.executions.map((execution) => execution.id)).toEqual(ids.slice(1));
});
