// What `POST /v1/webhooks/:id/test` sends, and what it leaves as it was.
import { describe, expect, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import type { Webhook } from "../../src/wire/webhook.ts";
import { sendRaw } from "../support/raw-http.ts";
import { openScene, register, verifyAll } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function testOf(service: ServiceProcess, id: string): Promise<LogEntry> {
  const path = `/v1/webhooks/${id}/test`;
  const { status, body } = await service.api<{ attempt: LogEntry }>("POST", path);
  if (status !== 200) throw new Error(`${status} ${Bun.inspect(body)}`);
  return body.attempt;
}

test("POST /v1/webhooks/:id/test sends one signed webhook.test, and returns and logs its attempt", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver();
  const { id, secret } = await register(service, {
    user_id: "u_1",
    url: `${receiver.url}/hook?token=hidden`,
    events: ["file.created"],
    headers: { "X-Tenant": "7" },
  });
  const attempt = await testOf(service, id);
  const [request] = await receiver.waitFor(1);
  expect(attempt).toEqual({
    delivery_id: request?.headers.get("x-fluxdrop-delivery") ?? "",
    webhook_id: id,
    id: request?.headers.get("webhook-id") ?? "",
    endpoint: `${receiver.url}/hook`,
    event: "webhook.test",
    status_code: 204,
    duration_ms: expect.any(Number),
    attempt: 1,
    outcome: "delivered",
    reason: null,
    next_attempt_at: null,
    timestamp: expect.stringMatching(/Z$/),
  });
  expect(attempt.delivery_id).toMatch(UUID);
  verifyAll(request!, secret);
  expect(request?.headers.get("x-tenant")).toBe("7");
  expect(JSON.parse(request?.text ?? "")).toEqual({
    id: attempt.id,
    event: "webhook.test",
    timestamp: expect.stringMatching(/Z$/),
    data: { title: "A test of this webhook", webhook_id: id },
  });
  expect(await scene.logOf("u_1")).toEqual([attempt]);
  expect(receiver.requests).toHaveLength(1);
});

test.each(["fluxdesk", "flux", "standard"] as const)(
  "a test request is in the webhook's dialect %s",
  async (dialect) => {
    await using scene = await openScene();
    const service = await scene.serve();
    const receiver = scene.receiver();
    const { id } = await register(service, { org_id: "o_1", url: receiver.url, dialect });
    const attempt = await testOf(service, id);
    const [request] = await receiver.waitFor(1);
    expect(attempt.outcome).toBe("delivered");
    expect(JSON.parse(request?.text ?? "")).toMatchObject({ type: "webhook.test" });
    expect(await scene.redis.llen(`${scene.prefix}:org-logs:o_1`)).toBe(1);
  },
);

describe("a test that fails", () => {
  test("is not retried, not parked, not counted, and its 410 disables nothing", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const receiver = scene.receiver(
      ({ path }) =>
        new Response(null, { status: Number(path.slice(1)), headers: { "Retry-After": "600" } }),
    );
    for (const status of [500, 503, 410]) {
      const made = await register(service, {
        user_id: "u_1",
        url: `${receiver.url}/${status}`,
        retry_schedule: ["0s", "0s", "0s"],
        disable_rule: { consecutive_failures: 1 },
      });
      const attempt = await testOf(service, made.id);
      expect([attempt.status_code, attempt.outcome]).toEqual([status, "parked"]);
      const { body: webhook } = await service.api<Webhook>("GET", `/v1/webhooks/${made.id}`);
      expect([webhook.enabled, webhook.health]).toEqual([true, made.health]);
      const { status: redelivery } = await service.api(
        "POST",
        `/v1/deliveries/${attempt.delivery_id}/redeliver`,
      );
      expect(redelivery).toBe(404);
    }
    const { body: parked } = await service.api("GET", "/v1/parked?user_id=u_1");
    expect(parked).toEqual({ parked: [], next_cursor: null });
    expect(await scene.redis.exists(`{${scene.queue}}:paused`)).toBe(0);
    expect(receiver.requests).toHaveLength(3);
    // Had one of them been repeated, or its webhook paused, these would not be the next three.
    const next = await Promise.all(
      receiver.requests.map(async (_, at) => {
        const { body } = await service.api<{ webhooks: Webhook[] }>(
          "GET",
          "/v1/webhooks?user_id=u_1",
        );
        return testOf(service, body.webhooks[at]?.id ?? "");
      }),
    );
    expect(next.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    expect(receiver.requests).toHaveLength(6);
  });

  test("reports what the guard denies, and dials nothing", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const receiver = scene.receiver();
    const { id } = await register(service, { user_id: "u_1", url: receiver.url });
    await service.stop();
    const strict = await scene.serve({ FLUXHOOK_EGRESS_ALLOW: "" });
    expect(await testOf(strict, id)).toMatchObject({
      outcome: "parked",
      reason: "blocked-address",
      status_code: null,
    });
    expect(receiver.requests).toHaveLength(0);
  });
});

test("a disabled webhook can be tested and stays disabled", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver();
  const { id } = await register(service, { user_id: "u_1", url: receiver.url, enabled: false });
  expect((await testOf(service, id)).outcome).toBe("delivered");
  const { body } = await service.api<Webhook>("GET", `/v1/webhooks/${id}`);
  expect(body.enabled).toBe(false);
});

test("POST /v1/webhooks/:id/test is answered though the attempt outlasts Bun's idle time-out", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver(async () => {
    // Opened after the caller's connection fell silent, so it is the later one to time out.
    expect(await sendRaw(service.url, "", { withinMs: 25_000 })).toBe("closed");
    return new Response(null, { status: 204 });
  });
  const { id } = await register(service, {
    user_id: "u_1",
    url: receiver.url,
    timeout_ms: 30_000,
  });
  expect((await testOf(service, id)).outcome).toBe("delivered");
}, 40_000);
