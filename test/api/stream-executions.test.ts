// GET /v1/stream?executions=true in process: what it shows, of which workflow, and who may look.
import { afterAll, expect, test } from "bun:test";
import { executionsText, type LiveExecution } from "../../src/wire/live-execution.ts";
import { eventually } from "../support/eventually.ts";
import { watchStream, type StreamViewer } from "../support/stream-viewer.ts";
import { apiScene, asOwner, closeScenes, faultyFields, TOKEN, type ApiScene } from "./api-scene.ts";

afterAll(closeScenes);

function changed(id: string, fields: Partial<LiveExecution> = {}): LiveExecution {
  return {
    id,
    workflow_id: "orders",
    state: "running",
    node_id: "charge",
    timestamp: "2026-01-01T00:00:00.000Z",
    ...fields,
  };
}

function watch(scene: ApiScene, query: string): Promise<StreamViewer> {
  return watchStream((signal) =>
    scene.raw(`/v1/stream?${query}`, { headers: { authorization: `Bearer ${TOKEN}` }, signal }),
  );
}

/** Publishes until the process has subscribed. */
function publish(scene: ApiScene, text: string): Promise<unknown> {
  return eventually(async () => (await scene.stores.live.publish(text)) === 1);
}

const idsOf = (viewer: StreamViewer) => viewer.of("execution").map(({ id }) => id);

test("a stream of executions shows those of all workflows, or of one, and no attempts", async () => {
  const scene = await apiScene();
  using all = await watch(scene, "executions=true");
  using orders = await watch(scene, "executions=true&workflow_id=orders");
  using attempts = await watch(scene, "");
  expect(await all.waitFor("hello")).toEqual([{ source: "executions", max_per_second: 200 }]);
  const [first, second] = [changed("exec-1"), changed("exec-2", { workflow_id: "mail" })];
  await publish(scene, executionsText({ executions: [first, second], missed: 0 }));
  expect(await all.waitFor("execution", 2)).toEqual([first, second]);
  expect(await orders.waitFor("execution")).toEqual([first]);
  await publish(scene, '{"delivered":1,"retry":0,"parked":0}');
  await attempts.waitFor("second");
  expect([all.of("second"), attempts.of("execution")]).toEqual([[], []]);
  const watched = (queue: string) => scene.redis.exists(`{${queue}}:watched`);
  expect(await watched(`${scene.prefix}:executions`)).toBe(1);
});

test("while only executions are looked at, workers are not told to publish attempts, and the reverse", async () => {
  const [one, two] = [await apiScene(), await apiScene()];
  using executions = await watch(one, "executions=true");
  using attempts = await watch(two, "");
  await Promise.all([executions.waitFor("hello"), attempts.waitFor("hello")]);
  const watched = async ({ redis, queue, prefix }: ApiScene) => [
    await redis.exists(`{${queue}}:watched`),
    await redis.exists(`{${prefix}:executions}:watched`),
  ];
  expect([await watched(one), await watched(two)]).toEqual([
    [0, 1],
    [1, 0],
  ]);
});

test("changes that are not shown are told as skipped, and what is no execution is left out", async () => {
  const scene = await apiScene();
  using viewer = await watch(scene, "executions=true");
  const odd = { ...changed("exec-2"), state: "lost" };
  const text = `{"executions":${JSON.stringify([odd, 7, changed("exec-1")])},"missed":3}`;
  await publish(scene, text);
  await publish(scene, '{"executions":[');
  await viewer.waitFor("skipped");
  expect(idsOf(viewer)).toEqual(["exec-1"]);
});

test.each([
  ["?workflow_id=orders", ["workflow_id"]],
  ["?executions=yes", ["executions"]],
  ["?executions=true&workflow_id=..", ["workflow_id"]],
  ["?executions=true&user_id=u_1", ["user_id"]],
  ["?executions=true&outcome=failed", ["outcome"]],
])("GET /v1/stream%s is refused, and names the field", async (query, fields) => {
  const scene = await apiScene();
  const answer = await scene.call("GET", `/v1/stream${query}`);
  expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
});

test("an owner's token sees no executions", async () => {
  const scene = await apiScene({ identify: asOwner("user:u_1") });
  expect((await scene.call("GET", "/v1/stream?executions=true")).status).toBe(404);
  expect(scene.hub.viewers).toBe(0);
});
