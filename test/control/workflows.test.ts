// What must hold when two people change a workflow at the same time.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { WorkflowControl } from "../../src/control/workflows.ts";
import { WorkflowStore } from "../../src/valkey/inbound/workflow-store.ts";
import { inboundKeys } from "../../src/valkey/keys.ts";
import { workflowCreateSchema } from "../../src/wire/workflow/workflow.ts";
import { freshPrefix } from "../support/valkey.ts";
import { QueueLab } from "../valkey/queue/test-queue.ts";

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

interface Opened {
  prefix: string;
  store: WorkflowStore;
  control: WorkflowControl;
}

/** A control with the workflow `w`. `meanwhile` runs once, after the first read of a change. */
async function opened(meanwhile: (opened: Opened) => Promise<unknown>): Promise<Opened> {
  const prefix = freshPrefix();
  const store = new WorkflowStore(lab.link, prefix, { maxWorkflows: 10, unusedRevisionMs: 1_000 });
  const options = { check: async () => [], now: () => new Date() };
  const other: Opened = {
    prefix,
    store,
    control: new WorkflowControl({ ...options, workflows: store }),
  };
  const input = { id: "w", name: "W", nodes: [{ id: "a", type: "set", value: 1 }] };
  await other.control.create(workflowCreateSchema.parse(input));
  const reading = new WorkflowStore(lab.link, prefix, {
    maxWorkflows: 10,
    unusedRevisionMs: 1_000,
  });
  let isFirst = true;
  const get = reading.get.bind(reading);
  reading.get = async (id) => {
    const found = await get(id);
    if (isFirst) await meanwhile(other);
    isFirst = false;
    return found;
  };
  return { prefix, store, control: new WorkflowControl({ ...options, workflows: reading }) };
}

test("a patch does not enable a workflow that was disabled after the patch had read it", async () => {
  const { control, store } = await opened((other) => other.control.setEnabled("w", false));
  await control.patch("w", { name: "New" });
  expect(await store.get("w")).toMatchObject({ name: "New", enabled: false });
});

test("a patch that names enabled sets it, and one of two patches does not undo the other", async () => {
  const { control, store } = await opened((other) => other.control.patch("w", { name: "Other" }));
  await control.patch("w", { enabled: false, trigger: { concurrency: 2 } });
  expect(await store.get("w")).toMatchObject({
    name: "Other",
    enabled: false,
    trigger: { concurrency: 2 },
  });
});

test("a patch keeps the fields of the trigger that a later version has added", async () => {
  const { prefix, control, store } = await opened(async () => {});
  const { workflows } = inboundKeys(prefix);
  const text = (await lab.redis.hget(workflows, "w")) ?? "";
  const changed = text
    .replace('"response":{', '"response":{"delay_ms":5,')
    .replace('"trigger":{', '"trigger":{"schedule":"daily",');
  await lab.redis.hset(workflows, "w", changed);
  const result = await control.patch("w", { trigger: { response: { status: 201 } } });
  expect(result).toMatchObject({ updated: { trigger: { schedule: "daily" } } });
  expect(await store.get("w")).toMatchObject({
    trigger: { schedule: "daily", response: { status: 201, delay_ms: 5 } },
  });
});
