import { beforeEach, describe, expect, test } from "bun:test";
import { rotated } from "../../../src/api/webhooks/secrets.ts";
import type { WebhookRecord } from "../../../src/wire/webhook.ts";
import { webhookRecord } from "../../valkey/webhooks/webhook-records.ts";
import { faultyFields, memoryApi, TOKEN, type MemoryApi } from "../memory-api.ts";

let api: MemoryApi;
let id: string;
let first: string;
beforeEach(async () => {
  api = memoryApi();
  const { body } = await api.call("POST", "/v1/webhooks", { user_id: "u_1", url: "https://a.b/" });
  ({ id, secret: first } = body as { id: string; secret: string });
});

const rotate = (json?: unknown) => api.call("POST", `/v1/webhooks/${id}/rotate-secret`, json);
const secretsOf = () => api.records.get(id)!.secrets;

test("a rotation answers a new secret and until when the one before it signs", async () => {
  const answer = await rotate({});
  expect(answer.status).toBe(200);
  const { secret, previous_expires_at } = answer.body as Record<string, string>;
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(secret).not.toBe(first);
  // The clock of this API goes on by one second with each look.
  expect(previous_expires_at).toBe("2026-01-03T03:04:07.678Z");
  expect(secretsOf()).toEqual([
    { secret: secret!, expires_at: null },
    { secret: first, expires_at: previous_expires_at! },
  ]);
  expect((await api.call("GET", `/v1/webhooks/${id}/secret`)).body).toEqual({ secret });
  expect(api.records.get(id)!.updated_at).toBe("2026-01-02T03:04:07.678Z");
});

test("needs no body at all", async () => {
  const answer = await api.raw(`/v1/webhooks/${id}/rotate-secret`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(answer.status).toBe(200);
  expect(secretsOf()).toHaveLength(2);
});

test("takes a secret that its user brings, and a grace of a part of an hour", async () => {
  const secret = "a secret of the user's own";
  const { body } = await rotate({ secret, grace_hours: 0.5 });
  expect(body).toEqual({ secret, previous_expires_at: "2026-01-02T03:34:07.678Z" });
});

test("with no grace the secret before it ends at once", async () => {
  const { body } = await rotate({ grace_hours: 0 });
  expect(body["previous_expires_at"]).toBeNull();
  expect(secretsOf()).toEqual([{ secret: body["secret"] as string, expires_at: null }]);
});

test.each<[string, unknown, string[]]>([
  ["a negative grace", { grace_hours: -1 }, ["grace_hours"]],
  ["a grace of more than a week", { grace_hours: 168.1 }, ["grace_hours"]],
  ["a grace that is no number", { grace_hours: "24" }, ["grace_hours"]],
  ["a short secret", { secret: "short" }, ["secret"]],
  ["a malformed secret", { secret: "whsec_canary%" }, ["secret"]],
  ["unknown fields", { grace: 1 }, ["grace"]],
  ["an array", [], [""]],
])("refuses %s with 422, and the secret stays", async (_, json, fields) => {
  const answer = await rotate(json);
  expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
  expect(answer.text).not.toContain("canary");
  expect(secretsOf()).toEqual([{ secret: first, expires_at: null }]);
});

test.each(["GET /secret", "POST /rotate-secret"])(
  "%s is 404 for a webhook that is not there, is none, or is another owner's",
  async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const scoped = memoryApi({}, () => ({ kind: "owner", owner: "user:u_2" }));
    for (const [key, record] of api.records) scoped.records.set(key, record);
    const before = structuredClone(secretsOf());
    for (const [where, which] of [
      [api, "wh_none"],
      [api, "%00"],
      [scoped, id],
    ] as const) {
      const answer = await where.call(method, `/v1/webhooks/${which}${path}`);
      expect(answer.status).toBe(404);
      expect(answer.text).not.toContain(first);
    }
    expect(secretsOf()).toEqual(before);
  },
);

test("an owner's own token reveals and rotates", async () => {
  const scoped = memoryApi({}, () => ({ kind: "owner", owner: "user:u_1" }));
  scoped.records.set(id, api.records.get(id)!);
  const revealed = await scoped.call("GET", `/v1/webhooks/${id}/secret`);
  expect(revealed.body).toEqual({ secret: first });
  const { status } = await scoped.call("POST", `/v1/webhooks/${id}/rotate-secret`, {});
  expect(status).toBe(200);
});

test("a secret that cannot be opened is 409 with what to do, and a rotation makes a new one", async () => {
  api.records.set(id, { ...api.records.get(id)!, secrets: [] });
  const answer = await api.call("GET", `/v1/webhooks/${id}/secret`);
  expect(answer.status).toBe(409);
  expect(answer.body["detail"]).toContain("FLUXHOOK_SECRET_KEY");
  expect((await api.call("GET", `/v1/webhooks/${id}`)).status).toBe(200);
  const { status, body } = await rotate({});
  expect([status, body["previous_expires_at"]]).toEqual([200, null]);
});

test("no other answer about a webhook holds a secret, the old ones neither", async () => {
  const { body } = await rotate({});
  const answers = [
    await api.call("GET", `/v1/webhooks/${id}`),
    await api.call("GET", "/v1/webhooks?user_id=u_1"),
    await api.call("PATCH", `/v1/webhooks/${id}`, { description: "changed" }),
    await api.call("POST", `/v1/webhooks/${id}/disable`),
    await api.call("POST", `/v1/webhooks/${id}/enable`),
  ];
  for (const { status, text } of answers) {
    expect(status).toBe(200);
    for (const secret of [first, body["secret"] as string]) expect(text).not.toContain(secret);
    expect(text).not.toContain("secrets");
  }
});

describe("a rotation within the grace of another", () => {
  const HOUR_MS = 3_600_000;
  const NOW_MS = Date.parse("2026-01-02T00:00:00.000Z");
  const at = (ms: number) => new Date(NOW_MS + ms).toISOString();
  const with2 = webhookRecord({
    secrets: [
      { secret: "second", expires_at: null },
      { secret: "first", expires_at: at(HOUR_MS) },
    ],
  });
  const after = (current: WebhookRecord, secret: string, graceMs: number) =>
    rotated(current, { secret, graceMs, nowMs: NOW_MS }).secrets.map((one) => [
      one.secret,
      one.expires_at,
    ]);

  test("keeps the ends that are near and sets those that are open", () => {
    expect(after(with2, "third", 5 * HOUR_MS)).toEqual([
      ["third", null],
      ["second", at(5 * HOUR_MS)],
      ["first", at(HOUR_MS)],
    ]);
  });

  test("with a shorter grace shortens all, with none ends all", () => {
    expect(after(with2, "third", 1_000)).toEqual([
      ["third", null],
      ["second", at(1_000)],
      ["first", at(1_000)],
    ]);
    expect(after(with2, "third", 0)).toEqual([["third", null]]);
  });

  test("drops the oldest of more than three", () => {
    const with3 = rotated(with2, { secret: "third", graceMs: HOUR_MS, nowMs: NOW_MS });
    expect(after(with3, "fourth", HOUR_MS).map(([secret]) => secret)).toEqual([
      "fourth",
      "third",
      "second",
    ]);
  });

  test("by the same secret, because the answer was lost, changes nothing", () => {
    expect(after(with2, "second", HOUR_MS * 24)).toEqual([
      ["second", null],
      ["first", at(HOUR_MS)],
    ]);
  });

  test("back to the secret before makes it the newest, and it signs once", () => {
    expect(after(with2, "first", HOUR_MS)).toEqual([
      ["first", null],
      ["second", at(HOUR_MS)],
    ]);
  });

  test("leaves out what has expired", () => {
    const old = { ...with2, secrets: [with2.secrets[0]!, { secret: "x", expires_at: at(-1) }] };
    expect(after(old, "third", HOUR_MS).map(([secret]) => secret)).toEqual(["third", "second"]);
  });
});
