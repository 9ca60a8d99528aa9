// What narrows a list is never ignored: a filter that there is not is refused, on every route of /openapi.json, and
// so is the cursor of another list.
import { afterAll, expect, test } from "bun:test";
import { readApi } from "../support/api-operations.ts";
import { apiScene, closeScenes, faultyFields } from "./api-scene.ts";

afterAll(closeScenes);
const api = await apiScene();
const { operations } = readApi(await (await api.raw("/openapi.json")).text());

/** Asked by clients of every version, with parameters of their own. */
const MAY_HAVE_OTHERS = ["GET /v1/listen/{session}/requests"];

const withQuery = operations.filter(
  ({ queryParameters, name }) => queryParameters.length > 0 && !MAY_HAVE_OTHERS.includes(name),
);

test("there are routes with filters", () => {
  expect(withQuery.length).toBeGreaterThan(12);
});

test.each(withQuery.map((operation) => [operation.name, operation] as const))(
  "%s refuses a filter that there is not, and names it",
  async (_, { method, path, body }) => {
    const answer = await api.call(
      method,
      `${path.replaceAll(/\{\w+\}/g, "x")}?colour=red`,
      body === null ? undefined : { webhooks: [] },
      { "if-match": "*" },
    );
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toContain("colour");
  },
);

/** A cursor of each list, as a page of it gives it. */
const CURSORS: Record<string, string> = {
  "GET /v1/audit": encoded("1764288000000-0"),
  "GET /v1/executions": encoded("1764288000000 exec-aaaaaaaaaaaaaaaaaaaaaaaaaa"),
  "GET /v1/parked": encoded("1764288000000 0123456789abcdef0123456789ab"),
  "GET /v1/rejected": "20",
  "GET /v1/workflows": encoded("workflow orders"),
  "GET /v1/webhooks": encoded("17 3"),
  "GET /v1/alerts": encoded("alert_0123456789abcdef0123456789abcdef"),
};

function encoded(position: string): string {
  return Buffer.from(position).toString("base64url");
}

test("every list with pages has a cursor here", () => {
  const lists = operations.filter(({ queryParameters }) => queryParameters.includes("cursor"));
  expect(lists.map(({ name }) => name).toSorted()).toEqual(Object.keys(CURSORS).toSorted());
});

test.each(Object.keys(CURSORS))(
  "%s takes a cursor of its own, and refuses that of every other list",
  async (name) => {
    const [, path = ""] = name.split(" ");
    for (const [other, cursor] of Object.entries(CURSORS)) {
      const answer = await api.call("GET", `${path}?cursor=${cursor}`);
      const isOwn = other === name;
      expect([other, answer.status]).toEqual([other, isOwn ? 200 : 422]);
      if (!isOwn) expect(faultyFields(answer)).toEqual(["cursor"]);
    }
  },
);
