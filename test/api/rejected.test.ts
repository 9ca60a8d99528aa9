// Which requests to requeue are accepted, and what each means; how elements are moved is tested in
// test/valkey/queue/requeue.test.ts.
import { afterAll, describe, expect, test } from "bun:test";
import { apiScene, closeScenes, faultyFields, type ApiScene } from "./api-scene.ts";
import { reject } from "./rejected-elements.ts";

afterAll(closeScenes);

const ID = "5f0c3a527d0e4c7c";
const PATH = "/v1/rejected/requeue";

async function sceneWith(...texts: string[]): Promise<ApiScene> {
  const api = await apiScene();
  await reject(api, texts);
  return api;
}

async function idsIn(api: ApiScene): Promise<string[]> {
  const { body } = await api.call("GET", "/v1/rejected");
  return (body["rejected"] as { id: string }[]).map(({ id }) => id);
}

describe("POST /v1/rejected/requeue", () => {
  test("requeues all elements, the oldest first", async () => {
    const api = await sceneWith("first", "second", "third");
    const answer = await api.call("POST", PATH, { all: true });
    expect([answer.status, answer.body]).toEqual([200, { requeued: 3, remaining: 0 }]);
    expect(await api.pushed()).toEqual(["first", "second", "third"]);
    expect(await idsIn(api)).toEqual([]);
  });

  test("requeues as many as the limit, and answers how many remain", async () => {
    const api = await sceneWith("first", "second", "third");
    const answer = await api.call("POST", PATH, { all: true, limit: 2 });
    expect(answer.body).toEqual({ requeued: 2, remaining: 1 });
    expect(await api.pushed()).toEqual(["first", "second"]);
  });

  test("requeues the elements that are named, and skips ids that are not there", async () => {
    const api = await sceneWith("first", "second", "third");
    const [, second = ""] = await idsIn(api);
    const answer = await api.call("POST", PATH, { ids: [second, ID] });
    expect(answer.body).toEqual({ requeued: 1, remaining: 0 });
    expect(await api.pushed()).toEqual(["second"]);
    expect(await idsIn(api)).toHaveLength(2);
  });

  test.each<[body: object, field: string]>([
    [{}, "ids"],
    [{ ids: [ID], all: true }, "ids"],
    [{ ids: [] }, "ids"],
    [{ ids: ["5F0C3A527D0E4C7C"] }, "ids.0"],
    [{ ids: ["5f0c"] }, "ids.0"],
    [{ ids: Array.from({ length: 1_001 }, () => ID) }, "ids"],
    [{ all: false }, "all"],
    [{ all: true, limit: 0 }, "limit"],
    [{ all: true, limit: 1_001 }, "limit"],
    [{ all: true, reason: "not-json" }, "reason"],
  ])("refuses %j with 422 and requeues nothing", async (body, field) => {
    const api = await sceneWith("first");
    const answer = await api.call("POST", PATH, body);
    expect([answer.status, faultyFields(answer)[0]]).toEqual([422, field]);
    expect(await api.pushed()).toEqual([]);
  });

  test("is out of reach of a scoped token", async () => {
    const api = await sceneWith("first");
    const { body } = await api.call("POST", "/v1/tokens", { user_id: "u_1" });
    const authorization = `Bearer ${String(body["token"])}`;
    const answer = await api.call("POST", PATH, { all: true }, { authorization });
    expect(answer.status).toBe(404);
    expect(await api.pushed()).toEqual([]);
  });
});
