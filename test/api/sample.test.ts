import { afterAll, describe, expect, test } from "bun:test";
import { verify } from "../../src/sdk/verify.ts";
import type { EventTypeEntry } from "../../src/wire/event-catalogue.ts";
import { DIALECT_NAMES } from "../../src/wire/dialects/registry.ts";
import { eventually } from "../support/eventually.ts";
import { apiScene, asOwner, closeScenes, faultyFields } from "./api-scene.ts";

afterAll(closeScenes);

const eventCatalogue: EventTypeEntry[] = [
  {
    name: "order.paid",
    description: "An order was paid",
    group: "Orders",
    sample: '{"amount":12345678901234567890}',
  },
  { name: "ping", description: "", group: null, sample: null },
];

interface Sample {
  data: string;
  request: { headers: Record<string, string>; body: string; secret: string };
}

describe("GET /v1/event-types", () => {
  test("lists the operator's catalogue, for owners' tokens too", async () => {
    const api = await apiScene({ config: { eventCatalogue }, identify: asOwner("user:u_1") });
    const answer = await api.call("GET", "/v1/event-types");
    expect(answer.body["catalogue"]).toEqual(eventCatalogue);
  });

  test("has an empty catalogue if there is none", async () => {
    const api = await apiScene();
    expect((await api.call("GET", "/v1/event-types")).body["catalogue"]).toEqual([]);
  });
});

describe("GET /v1/sample", () => {
  test("answers the data of the catalogue as it was written", async () => {
    const api = await apiScene({ config: { eventCatalogue } });
    const answer = await api.call("GET", "/v1/sample?event=order.paid");
    expect(answer.body).toMatchObject({ event: "order.paid", data: eventCatalogue[0]?.sample });
  });

  test.each(DIALECT_NAMES)("answers a request in the dialect %s that verifies", async (dialect) => {
    // The signature has the time of the scene's clock.
    const api = await apiScene({ config: { eventCatalogue } });
    const answer = await api.call("GET", `/v1/sample?event=order.paid&dialect=${dialect}`);
    const { request } = answer.body as unknown as Sample;
    expect(request.body).toContain("12345678901234567890");
    const check = () =>
      verify(request.body, request.headers, request.secret, {
        toleranceSeconds: Number.POSITIVE_INFINITY,
      });
    expect(check).not.toThrow();
  });

  test("answers the sample of a dialect's own type", async () => {
    const api = await apiScene();
    const answer = await api.call("GET", "/v1/sample?event=file.created");
    expect(answer.body["data"]).toContain('"file_id"');
  });

  test.each(["ping", "unknown.type"])("is 404 for %s, of which there is none", async (type) => {
    const api = await apiScene({ config: { eventCatalogue } });
    expect((await api.call("GET", `/v1/sample?event=${type}`)).status).toBe(404);
  });
});

describe("POST /v1/webhooks/…/test with an event", () => {
  const url = "https://example.com/hooks";

  test("sends the sample of that type", async () => {
    const api = await apiScene({ config: { eventCatalogue } });
    const { body } = await api.call("POST", "/v1/webhooks", { user_id: "u_1", url });
    const path = `/v1/webhooks/${String(body["id"])}/test`;
    const sending = api.call("POST", path, { event: "order.paid" });
    const sent = await eventually(() => api.tests[0] ?? null);
    expect(sent).toMatchObject({ type: "order.paid", data: eventCatalogue[0]?.sample });
    sent.answer();
    expect((await sending).status).toBe(200);
  });

  test("is refused for a type without a sample, and nothing is sent", async () => {
    const api = await apiScene({ config: { eventCatalogue } });
    const { body } = await api.call("POST", "/v1/webhooks", { user_id: "u_1", url });
    const path = `/v1/webhooks/${String(body["id"])}/test`;
    const answer = await api.call("POST", path, { event: "ping" });
    expect([answer.status, faultyFields(answer)]).toEqual([422, ["event"]]);
    expect(api.tests).toEqual([]);
  });
});
