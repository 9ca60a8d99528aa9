// Large outputs that another process waits for: they are stored once, and no message carries them.
import { expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { ownValkey } from "../../support/valkey.ts";
import { RunScene } from "./run-scene.ts";

const WAITS = 200;
/** Just below a size class of the allocator. */
const OUTPUT_BYTES = 260_000;

test("200 waits for large outputs of another process take no more memory of Valkey than the outputs", async () => {
  await using stack = new AsyncDisposableStack();
  const valkey = stack.adopt(await ownValkey({ appendOnly: false }), (one) => one.stop());
  const scene = stack.adopt(await RunScene.open({ url: valkey.url }), (one) => one.close());
  const { redis, keys } = scene;
  const waits = await scene.start({ isRunning: false });
  const output = "x".repeat(OUTPUT_BYTES - 2);
  // With an effect, so that it is not run by the process that accepts it.
  const id = await scene.workflow([
    { id: "a", type: "set", value: output },
    { id: "b", type: "event", user_id: "u_1", event: "a.b", data: {} },
  ]);
  const memory = async (field: string) =>
    Number(new RegExp(`^${field}:(\\d+)`, "m").exec(await redis.info("memory"))?.[1]);
  const before = await memory("used_memory");
  const waiting = await Promise.all(
    Array.from({ length: WAITS }, async () => {
      const { executionId } = await scene.accept(id, {}, waits);
      return { executionId, ended: scene.ended(executionId, 60_000, waits) };
    }),
  );
  await scene.start();
  for (const { ended } of waiting) {
    const waited = await ended;
    if (waited.kind !== "finished") throw new Error(JSON.stringify(waited));
    expect(waited.nodes[0]?.output.length).toBe(OUTPUT_BYTES);
  }
  // As repeated requests, all at the same time: Valkey must not have all outputs under way at once.
  const again = await Promise.all(
    waiting.map(({ executionId }) => scene.ended(executionId, 60_000, waits)),
  );
  expect(again.map(({ kind }) => kind)).toEqual(again.map(() => "finished"));
  const peak = (await memory("used_memory_peak")) - before;
  let stored = 0;
  for (const { executionId } of waiting) {
    stored += await redis.hstrlen(keys.execution(executionId), "n:a");
  }
  expect(stored).toBeGreaterThan(WAITS * OUTPUT_BYTES);
  expect(peak / stored).toBeLessThan(1.2);
  await eventually(async () => (await redis.llen(keys.queue)) === 0);
}, 120_000);
