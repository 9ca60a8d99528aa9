// Ended executions are bounded at every moment, not only at each heartbeat.
import { expect, test } from "bun:test";
import { SWEEP_AFTER_ENDED } from "../../../src/inbound/run/ended-sweep.ts";
import { eventually } from "../../support/eventually.ts";
import { useRunScenes } from "./run-scene.ts";

const { scene } = useRunScenes();

test.each([
  ["run before they are stored", { id: "a", type: "set", value: 1 }],
  ["are claimed", { id: "a", type: "event", user_id: "u_1", event: "a.b", data: {} }],
])(
  "the cap of ended executions is passed by no more than a few hundred, without a heartbeat, where they %s",
  async (_how, node) => {
    const one = await scene({ limits: { maxExecutions: 5 }, heartbeatMs: 600_000 });
    const id = await one.workflow([node]);
    // The revision is known from here on.
    await one.run(id);
    await Promise.all(Array.from({ length: 1_500 }, () => one.accept(id)));
    await eventually(async () => (await one.redis.hlen(one.keys.revisionUses)) === 0);
    await eventually(async () => (await one.redis.zcard(one.keys.ended)) < 5 + SWEEP_AFTER_ENDED);
    expect(await one.redis.zcard(one.keys.executions(null))).toBeLessThan(5 + SWEEP_AFTER_ENDED);
  },
);

test("a sweep removes none that was begun again, whatever the index of ended ones says", async () => {
  const one = await scene({ limits: { maxExecutions: 0 } }, 0);
  const accepts = await one.start({ isRunning: false });
  const { executionId } = await one.accept(
    await one.workflow([{ id: "a", type: "set", value: 1 }]),
    {},
    accepts,
  );
  await one.redis.zadd(one.keys.ended, 1, `${executionId} 4 wf-1`);
  await one.store.sweep();
  expect(await one.redis.zcard(one.keys.ended)).toBe(0);
  expect(await one.redis.exists(one.keys.execution(executionId))).toBe(1);
});
