// The rules of the route; what is sent is tested in test/e2e/webhook-test.test.ts.
import { afterAll, describe, expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { apiScene, closeScenes, type ApiScene } from "../api-scene.ts";

afterAll(closeScenes);

async function withWebhook(api: ApiScene, owner = "u_1"): Promise<string> {
  const { body } = await api.call("POST", "/v1/webhooks", {
    user_id: owner,
    url: `https://example.com/${owner}`,
  });
  return String(body["id"]);
}

const started = (api: ApiScene, count: number) => eventually(() => api.tests.length === count);

describe("POST /v1/webhooks/{id}/test", () => {
  test("answers with the attempt, as the log has it", async () => {
    const api = await apiScene();
    const id = await withWebhook(api);
    const asked = api.call("POST", `/v1/webhooks/${id}/test`);
    await started(api, 1);
    api.tests[0]?.answer();
    const { status, body } = await asked;
    expect(status).toBe(200);
    expect(body).toMatchObject({
      attempt: {
        webhook_id: id,
        id: expect.stringMatching(/^evt_[A-Za-z0-9]{24}$/),
        event: "webhook.test",
        outcome: "delivered",
        attempt: 1,
      },
    });
  });

  test("is answered 404 for an unknown webhook and for another owner's", async () => {
    const api = await apiScene();
    const id = await withWebhook(api, "u_1");
    expect((await api.call("POST", "/v1/webhooks/wh_none/test")).status).toBe(404);
    const { body } = await api.call("POST", "/v1/tokens", { user_id: "u_2" });
    const authorization = `Bearer ${String(body["token"])}`;
    const answer = await api.call("POST", `/v1/webhooks/${id}/test`, undefined, { authorization });
    expect([answer.status, answer.body["title"]]).toEqual([404, "Not found"]);
    expect(api.tests).toEqual([]);
  });

  test("is answered 429 with Retry-After for the third at a time, until one has ended", async () => {
    const api = await apiScene();
    const id = await withWebhook(api);
    const running = [1, 2].map(() => api.call("POST", `/v1/webhooks/${id}/test`));
    await started(api, 2);
    const third = await api.call("POST", `/v1/webhooks/${id}/test`);
    expect([third.status, third.headers.get("retry-after")]).toEqual([429, "5"]);
    expect(third.body["type"]).toBe("urn:fluxhook:problem:too-many-tests");
    for (const { answer } of api.tests) answer();
    await Promise.all(running);
    const next = api.call("POST", `/v1/webhooks/${id}/test`);
    await started(api, 3);
    api.tests[2]?.answer();
    expect((await next).status).toBe(200);
  });

  test("is answered 409 if the secret cannot be opened", async () => {
    const api = await apiScene({ secretKey: [Buffer.alloc(32, 7).toString("base64")] });
    const id = await withWebhook(api);
    const withoutKey = await apiScene({ prefix: api.prefix });
    const { status, body } = await withoutKey.call("POST", `/v1/webhooks/${id}/test`);
    expect([status, body["detail"]]).toEqual([409, expect.stringContaining("FLUXHOOK_SECRET_KEY")]);
    expect(withoutKey.tests).toEqual([]);
  });
});
