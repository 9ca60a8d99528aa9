// The route's own rules; what is sent is seen in test/e2e/webhook-test.test.ts.
import { describe, expect, test } from "bun:test";
import { eventually } from "../../support/eventually.ts";
import { memoryApi, readAnswer, type MemoryApi } from "../memory-api.ts";

async function withWebhook(api: MemoryApi, owner = "u_1"): Promise<string> {
  const { body } = await api.call("POST", "/v1/webhooks", {
    user_id: owner,
    url: `https://example.com/${owner}`,
  });
  return String(body["id"]);
}

const started = (api: MemoryApi, count: number) => eventually(() => api.tests.length === count);

describe("POST /v1/webhooks/{id}/test", () => {
  test("answers with the attempt, as the log has it", async () => {
    const api = memoryApi();
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

  test("is 404 for a webhook that is not there, and for another owner's", async () => {
    const api = memoryApi();
    const id = await withWebhook(api, "u_1");
    expect((await api.call("POST", "/v1/webhooks/wh_none/test")).status).toBe(404);
    const { body } = await api.call("POST", "/v1/tokens", { user_id: "u_2" });
    const headers = { authorization: `Bearer ${String(body["token"])}` };
    const answer = await api.raw(`/v1/webhooks/${id}/test`, { method: "POST", headers });
    expect((await readAnswer(answer)).body["title"]).toBe("Not found");
    expect(api.tests).toEqual([]);
  });

  test("a third at a time is 429 with Retry-After, until one has ended", async () => {
    const api = memoryApi();
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

  test("says so where the secret cannot be opened here", async () => {
    const api = memoryApi();
    const id = await withWebhook(api);
    const record = api.records.get(id);
    if (record) api.records.set(id, { ...record, secrets: [] });
    const { status, body } = await api.call("POST", `/v1/webhooks/${id}/test`);
    expect([status, body["detail"]]).toEqual([409, expect.stringContaining("FLUXHOOK_SECRET_KEY")]);
    expect(api.tests).toEqual([]);
  });
});
