import { describe, expect, test } from "bun:test";
import { createApi } from "../../src/api/app.ts";
import type { Identify } from "../../src/api/auth/authenticate.ts";
import type { ApiStores } from "../../src/api/deps.ts";
import type { RedeliveredOne } from "../../src/control/redelivery.ts";
import { memoryApi, readAnswer, TOKEN } from "./memory-api.ts";

const UUID = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001";
const NEXT = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0002";

/** An API whose every redelivery comes to `result`, and what it was asked for. */
function apiThat(result: RedeliveredOne, identify?: Identify) {
  const asked: Parameters<ApiStores["redelivery"]["one"]>[] = [];
  const { deps } = memoryApi();
  const redelivery: ApiStores["redelivery"] = {
    ...deps.stores.redelivery,
    async one(...question) {
      asked.push(question);
      return result;
    },
  };
  const app = createApi({ ...deps, stores: { ...deps.stores, redelivery } }, identify);
  const redeliver = async (uuid: string) =>
    readAnswer(
      await app.request(`/v1/deliveries/${uuid}/redeliver`, {
        method: "POST",
        headers: { authorization: `Bearer ${TOKEN}` },
      }),
    );
  return { asked, redeliver };
}

describe("POST /v1/deliveries/:delivery_id/redeliver", () => {
  test("answers 202 with the UUID of the attempt to come", async () => {
    const api = apiThat({ kind: "redelivered", deliveryId: NEXT });
    const answer = await api.redeliver(UUID);
    expect([answer.status, answer.body]).toEqual([202, { delivery_id: NEXT }]);
    expect(api.asked).toEqual([[UUID, null]]);
  });

  test.each<[RedeliveredOne, number, string]>([
    [{ kind: "unknown" }, 404, "not-found"],
    [{ kind: "in-flight" }, 409, "in-flight"],
    [{ kind: "disabled", webhookId: "wh_1" }, 409, "webhook-disabled"],
    [{ kind: "not-available", why: "body-not-stored" }, 410, "gone"],
    [{ kind: "not-available", why: "webhook-deleted" }, 410, "gone"],
  ])("answers %j as %d %s", async (result, status, kind) => {
    const answer = await apiThat(result).redeliver(UUID);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body["type"]).toBe(`urn:fluxhook:problem:${kind}`);
  });

  test("says how to enable the webhook that is disabled", async () => {
    const { body } = await apiThat({ kind: "disabled", webhookId: "wh_1" }).redeliver(UUID);
    expect(body["webhook_id"]).toBe("wh_1");
    expect(body["detail"]).toContain("POST /v1/webhooks/wh_1/enable");
  });

  test("asks for an owner's principal only within its own", async () => {
    const owner = "user:u_1";
    const api = apiThat({ kind: "unknown" }, () => ({ kind: "owner", owner }));
    expect((await api.redeliver(UUID)).status).toBe(404);
    expect(api.asked).toEqual([[UUID, owner]]);
  });

  test.each(["x", "wh_1", UUID.slice(1), `${UUID}0`, UUID.replaceAll("-", ""), "%00"])(
    "knows no delivery %p",
    async (id) => {
      const api = apiThat({ kind: "redelivered", deliveryId: NEXT });
      expect((await api.redeliver(id)).status).toBe(404);
      expect(api.asked).toEqual([]);
    },
  );
});
