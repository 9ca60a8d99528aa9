// Executions without effects run before they are stored: one script, no claim, the same end.
import { describe, expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { startReceiver } from "../../support/receiver.ts";
import type { Execution } from "../../../src/wire/workflow/execution.ts";
import {
  outputsIn,
  useRunScenes,
  type Replica,
  type RunScene,
  type RunSceneOptions,
} from "./run-scene.ts";

const { scene: openRunScene, afterTest } = useRunScenes();

/** A process that runs executions, and one that only accepts, so that whatever ends there ran before it was stored. */
async function scene(options: RunSceneOptions = {}): Promise<{ one: RunScene; door: Replica }> {
  const one = await openRunScene(options);
  return { one, door: await one.start({ isRunning: false }) };
}

/** Accepts one, which makes `door` read the revision; it is claimed like any other. */
async function first(one: RunScene, door: Replica, id: string, body = "{}"): Promise<string> {
  const { executionId } = await one.accept(id, { body }, door);
  await one.ended(executionId, 20_000, door);
  // The revision is read by now: the end was waited for on the same connection.
  return executionId;
}

/** Without what differs between two executions of the same request. */
function comparable(execution: Execution): unknown {
  const nodes = execution.nodes.map((node) => ({ ...node, started_at: null, duration_ms: null }));
  const id = execution.id;
  const text = JSON.stringify({ ...execution, nodes }).replaceAll(id, "exec");
  const same = {
    ...(JSON.parse(text) as Execution),
    accepted_at: "",
    started_at: "",
    ended_at: "",
  };
  return same;
}

const set = (id: string, value: unknown, others: object = {}) => ({
  id,
  type: "set",
  value,
  ...others,
});

describe("an execution without effects", () => {
  const workflows: Record<string, readonly object[]> = {
    "two sets": [
      set("a", "{{trigger.data.n}}"),
      set("b", { was: "{{nodes.a.output}}", id: "{{execution.id}}" }),
    ],
    "an if that passes": [
      { id: "i", type: "if", condition: "trigger.data.n > 1" },
      set("b", "yes"),
    ],
    "an if that does not": [
      { id: "i", type: "if", condition: "trigger.data.n > 1000" },
      set("b", "yes"),
      set("c", "always", { after: [] }),
    ],
    "a failure": [set("a", 1), set("b", "{{trigger.data.nope}}"), set("c", 3)],
    "a failure after which it goes on": [
      set("a", "{{trigger.data.nope}}", { on_error: "continue" }),
      set("b", "{{nodes.a.error.code}}"),
    ],
    "an if that fails, and it goes on": [
      { id: "i", type: "if", condition: "trigger.data.nope", on_error: "continue" },
      set("b", "no"),
    ],
  };
  for (const [name, nodes] of Object.entries(workflows)) {
    test(`ends as one that was claimed: ${name}`, async () => {
      const { one, door } = await scene();
      const id = await one.workflow(nodes);
      const body = '{"n":12345678901234567890}';
      const claimed = await first(one, door, id, body);
      await one.first.drain(1_000);
      const accepted = await one.accept(id, { body }, door);
      expect(accepted).toMatchObject({ kind: "accepted", first: true });
      expect(accepted.kind === "accepted" && accepted.waited).toEqual(
        JSON.parse(
          JSON.stringify(await one.ended(claimed, 20_000, door)).replaceAll(
            claimed,
            accepted.executionId,
          ),
        ),
      );
      expect(comparable(await one.read(accepted.executionId))).toEqual(
        comparable(await one.read(claimed)),
      );
      // Whoever did not get the end with the reply reads it.
      expect(await one.ended(accepted.executionId, 20_000, door)).toEqual(
        accepted.kind === "accepted" && accepted.waited ? accepted.waited : { kind: "gone" },
      );
      expect(await one.redis.llen(one.queue.queue)).toBe(0);
      expect(await one.redis.exists(one.keys.revisionUses)).toBe(0);
      const [bytes, ended, time] = await Promise.all([
        one.redis.hget(one.keys.stats, "ended_bytes"),
        one.redis.zrange(one.keys.ended, 0, -1),
        one.redis.pttl(one.keys.execution(accepted.executionId)),
      ]);
      const sizes = ended.map((member) => Number(member.split(" ")[1]));
      expect(Number(bytes)).toBe(sizes.reduce((sum, size) => sum + size, 0));
      expect(ended).toHaveLength(2);
      expect(time).toBeGreaterThan(0);
    });
  }

  test("that has failed is begun again by a retry", async () => {
    const { one, door } = await scene();
    const id = await one.workflow([set("a", 1), set("b", "{{trigger.data.nope}}")]);
    await first(one, door, id);
    const { executionId } = await one.accept(id, {}, door);
    expect(await one.first.control.retry(executionId)).toBe("retried");
    await eventually(async () => (await one.read(executionId)).state === "failed");
    expect(await one.redis.exists(one.keys.revisionUses)).toBe(0);
    expect(await one.redis.zcard(one.keys.ended)).toBe(2);
  });

  test("of 100 requests at once with one key is stored once, and the others get its id", async () => {
    const { one, door } = await scene();
    const id = await one.workflow([set("a", "{{trigger.data}}")]);
    await first(one, door, id);
    const key = { key: "h:1", fingerprint: "f" };
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, nth) =>
        one.accept(id, { idempotency: nth === 99 ? { ...key, fingerprint: "g" } : key }, door),
      ),
    );
    expect(new Set(all.map(({ executionId }) => executionId)).size).toBe(1);
    expect(all.map(({ kind }) => kind).filter((kind) => kind === "key-reused")).toHaveLength(1);
    expect(all.filter((accepted) => accepted.kind === "accepted" && accepted.first)).toHaveLength(
      1,
    );
    expect(await one.redis.zcard(one.keys.ended)).toBe(2);
    expect((await one.ended(all[98]?.executionId ?? "", 20_000, door)).kind).toBe("finished");
  });

  test("keeps a revision that was replaced for as long as itself", async () => {
    const { one, door } = await scene();
    const id = await one.workflow([set("a", "old")]);
    await first(one, door, id);
    await one.change(id, [set("a", "new")]);
    await one.redis.pexpire(one.keys.revision(id, 1), 1_000);
    const accepted = await one.accept(id, {}, door);
    expect(outputsIn(await one.ended(accepted.executionId, 20_000, door)).a).toBe('"old"');
    expect(await one.redis.pttl(one.keys.revision(id, 1))).toBeGreaterThan(60_000);
    expect(await one.redis.pttl(one.keys.revision(id, 2))).toBe(-1);
  });
});

describe("goes to the list", () => {
  test("an execution with an effect, a body of more than 16 KiB, or more than 16 nodes", async () => {
    const { one, door } = await scene();
    const receiver = startReceiver();
    afterTest(() => receiver.stop());
    const http = await one.workflow([set("a", 1), { id: "b", type: "http", url: receiver.url }]);
    const many = await one.workflow(Array.from({ length: 17 }, (_, nth) => set(`n${nth}`, nth)));
    const few = await one.workflow([set("a", 1)]);
    for (const id of [http, many, few]) await first(one, door, id);
    const large = JSON.stringify("x".repeat(16 * 1024));
    for (const [id, body] of [
      [http, "{}"],
      [many, "{}"],
      [few, large],
    ] as const) {
      const accepted = await one.accept(id, { body }, door);
      expect(accepted.kind === "accepted" && accepted.waited).toBeUndefined();
      expect((await one.ended(accepted.executionId, 20_000, door)).kind).toBe("finished");
    }
    const small = await one.accept(few, {}, door);
    expect(small.kind === "accepted" && small.waited?.kind).toBe("finished");
  });
});
