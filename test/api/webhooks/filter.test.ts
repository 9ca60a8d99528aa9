// The filter of a webhook at saving: an expression that does not compile is refused, with the engine's words.
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { apiScene, closeScenes, type ApiScene } from "../api-scene.ts";

const PATH = "/v1/webhooks";
const FILTER = "event.data.amount > 1000";
const input = { user_id: "u_1", url: "https://example.com/hooks" };

let api: ApiScene;
beforeEach(async () => {
  api = await apiScene();
});
afterAll(closeScenes);

async function create(fields: object = {}): Promise<string> {
  const { status, body } = await api.call("POST", PATH, { ...input, ...fields });
  expect(status).toBe(201);
  return body["id"] as string;
}

const filterOf = async (id: string) => (await api.call("GET", `${PATH}/${id}`)).body["filter"];

const REFUSED: [claim: string, filter: string, code: string, message: string][] = [
  ["an empty one", "", "empty", "the expression is empty"],
  [
    "an unknown root",
    "trigger.data.a > 1",
    "unknown-root",
    "trigger is not a value that an expression can use; there are event",
  ],
  [
    "an unknown field of the event",
    'event.type == "a"',
    "unknown-root",
    "event.type is not a value that an expression can use; there are event.id, event.event, event.timestamp, event.user_id, event.org_id, event.data",
  ],
  [
    "one that gives no boolean",
    '"a" + "b"',
    "wrong-type",
    "it gives a value of type string, and must give true or false",
  ],
];

describe.each(REFUSED)("%s is refused with 422, the field and the engine's message", (...row) => {
  const [, filter, code, message] = row;
  const errors = [{ field: "filter", code, message: expect.stringContaining(message) as string }];

  test("at creating", async () => {
    const { status, body } = await api.call("POST", PATH, { ...input, filter });
    expect({ status, errors: body["errors"] }).toEqual({ status: 422, errors });
    expect(await api.stores.webhooks.list("user:u_1")).toEqual([]);
  });

  test("at changing, which then changes nothing", async () => {
    const id = await create({ filter: FILTER });
    const patch = { filter, description: "new" };
    const { status, body } = await api.call("PATCH", `${PATH}/${id}`, patch);
    expect({ status, errors: body["errors"] }).toEqual({ status: 422, errors });
    expect(await api.stores.webhooks.get(id)).toMatchObject({ filter: FILTER, description: "" });
  });
});

test("a faulty url and a faulty filter are told in one answer", async () => {
  const faulty = { ...input, url: "https://10.0.0.1/", filter: "event.data." };
  const { status, body } = await api.call("POST", PATH, faulty);
  const fields = (body["errors"] as { field: string }[]).map(({ field }) => field);
  expect({ status, fields }).toEqual({ status: 422, fields: ["url", "filter"] });
});

test("PATCH sets a filter, leaves it where it is not named, and removes it with null", async () => {
  const id = await create();
  expect(await filterOf(id)).toBeNull();
  const change = (patch: object) => api.call("PATCH", `${PATH}/${id}`, patch);
  expect((await change({ filter: FILTER })).body["filter"]).toBe(FILTER);
  expect((await change({ description: "new" })).body["filter"]).toBe(FILTER);
  expect(await filterOf(id)).toBe(FILTER);
  expect((await change({ filter: null })).body["filter"]).toBeNull();
  expect(await filterOf(id)).toBeNull();
});
