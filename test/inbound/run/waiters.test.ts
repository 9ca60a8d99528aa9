// Waiting for the end of an execution, when Valkey or this process is in the way.
import { expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { hang, startReceiver } from "../../support/receiver.ts";
import { useRunScenes } from "./run-scene.ts";

const { scene, afterTest } = useRunScenes();

test("a wait goes on where the execution cannot be read, and the log says so once", async () => {
  const one = await scene({}, 0);
  const waits = await one.start({ isRunning: false });
  const id = await one.workflow([{ id: "a", type: "set", value: 1 }]);
  const { executionId } = await one.accept(id, {}, waits);
  const key = one.keys.execution(executionId);
  await one.redis.rename(key, `${key}:aside`);
  await one.redis.set(key, "another program's");
  const waiting = one.ended(executionId, 20_000, waits);
  const [line] = await eventually(() => {
    const lines = waits.log.of("execution.unread");
    return lines.length > 0 && lines;
  });
  expect(line).toMatchObject({ execution_id: executionId });
  await one.redis.rename(`${key}:aside`, key);
  await one.start();
  expect(await waiting).toMatchObject({ kind: "finished" });
  expect(waits.log.of("execution.unread")).toHaveLength(1);
});

test("a wait ends for all, now and later, when the process stops", async () => {
  const one = await scene();
  const api = startReceiver(hang);
  afterTest(() => api.stop());
  const id = await one.workflow([{ id: "a", type: "http", url: api.url }]);
  const { executionId } = await one.accept(id);
  const waiting = one.ended(executionId, 60_000);
  one.first.executions.release();
  expect(await waiting).toEqual({ kind: "timed-out" });
  expect(await one.ended(executionId, 60_000)).toEqual({ kind: "timed-out" });
});
