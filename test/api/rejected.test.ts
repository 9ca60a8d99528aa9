// Which requests to requeue are taken; what they do is in test/valkey/queue/requeue.test.ts.
import { describe, expect, test } from "bun:test";
import { faultyFields, memoryApi } from "./memory-api.ts";

const ID = "5f0c3a527d0e4c7c";

describe("POST /v1/rejected/requeue", () => {
  test.each<[body: object, which: unknown, limit: number]>([
    [{ ids: [ID] }, [ID], 1_000],
    [{ all: true }, "all", 1_000],
    [{ all: true, limit: 7 }, "all", 7],
  ])("takes %j", async (body, which, limit) => {
    const api = memoryApi();
    const answer = await api.call("POST", "/v1/rejected/requeue", body);
    expect([answer.status, answer.body]).toEqual([200, { requeued: 0, remaining: 0 }]);
    expect(api.requeues).toEqual([{ which: which as "all", limit }]);
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
  ])("refuses %j", async (body, field) => {
    const api = memoryApi();
    const answer = await api.call("POST", "/v1/rejected/requeue", body);
    expect([answer.status, faultyFields(answer)[0]]).toEqual([422, field]);
    expect(api.requeues).toEqual([]);
  });

  test("is the API token's alone", async () => {
    const api = memoryApi();
    const { body } = await api.call("POST", "/v1/tokens", { user_id: "u_1" });
    const answer = await api.raw("/v1/rejected/requeue", {
      method: "POST",
      headers: {
        authorization: `Bearer ${String(body["token"])}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ all: true }),
    });
    expect(answer.status).toBe(404);
    expect(api.requeues).toEqual([]);
  });
});
