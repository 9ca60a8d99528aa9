import { afterAll, beforeEach, expect, test } from "bun:test";
import {
  apiScene,
  asOwner,
  closeScenes,
  faultyFields,
  TOKEN,
  type ApiScene,
} from "../api-scene.ts";

afterAll(closeScenes);

/** FLUXHOOK_SECRET_KEY: base64 of 32 bytes. */
const KEY = Buffer.alloc(32, 7).toString("base64");

let api: ApiScene;
let id: string;
let first: string;
beforeEach(async () => {
  api = await apiScene({ secretKey: [KEY] });
  const { body } = await api.call("POST", "/v1/webhooks", { user_id: "u_1", url: "https://a.b/" });
  ({ id, secret: first } = body as { id: string; secret: string });
});

/** The same data, with a scoped token of `owner`. */
const seenBy = (owner: Parameters<typeof asOwner>[0]) =>
  apiScene({ prefix: api.prefix, secretKey: [KEY], identify: asOwner(owner) });
const rotate = (json?: unknown) => api.call("POST", `/v1/webhooks/${id}/rotate-secret`, json);
const secretsOf = async () => (await api.webhook(id)).secrets;

test("a rotation answers a new secret, and until when the previous one signs", async () => {
  const answer = await rotate({});
  expect(answer.status).toBe(200);
  const { secret, previous_expires_at } = answer.body as Record<string, string>;
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(secret).not.toBe(first);
  // Each look at the clock moves it on by one second.
  expect(previous_expires_at).toBe("2126-01-03T03:04:07.678Z");
  expect(await secretsOf()).toEqual([
    { secret: secret!, expires_at: null },
    { secret: first, expires_at: previous_expires_at! },
  ]);
  expect((await api.call("GET", `/v1/webhooks/${id}/secret`)).body).toEqual({ secret });
  expect((await api.webhook(id)).updated_at).toBe("2126-01-02T03:04:07.678Z");
});

test("a rotation needs no body", async () => {
  const answer = await api.raw(`/v1/webhooks/${id}/rotate-secret`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  expect(answer.status).toBe(200);
  expect(await secretsOf()).toHaveLength(2);
});

test("a rotation accepts the user's own secret, and a grace of half an hour", async () => {
  const secret = "a secret of the user's own";
  const { body } = await rotate({ secret, grace_hours: 0.5 });
  expect(body).toEqual({ secret, previous_expires_at: "2126-01-02T03:34:07.678Z" });
});

test("a rotation with a grace of 0 ends the previous secret at once", async () => {
  const { body } = await rotate({ grace_hours: 0 });
  expect(body["previous_expires_at"]).toBeNull();
  expect(await secretsOf()).toEqual([{ secret: body["secret"] as string, expires_at: null }]);
});

test.each<[string, unknown, string[]]>([
  ["a negative grace", { grace_hours: -1 }, ["grace_hours"]],
  ["a grace of more than a week", { grace_hours: 168.1 }, ["grace_hours"]],
  ["a grace that is a text", { grace_hours: "24" }, ["grace_hours"]],
  ["a short secret", { secret: "short" }, ["secret"]],
  ["a malformed secret", { secret: "whsec_canary%" }, ["secret"]],
  ["unknown fields", { grace: 1 }, ["grace"]],
  ["an array", [], [""]],
])("a rotation with %s is refused with 422, and the secret stays", async (_, json, fields) => {
  const answer = await rotate(json);
  expect([answer.status, faultyFields(answer)]).toEqual([422, fields]);
  expect(answer.text).not.toContain("canary");
  expect(await secretsOf()).toEqual([{ secret: first, expires_at: null }]);
});

test.each(["GET /secret", "POST /rotate-secret"])(
  "%s is answered 404 for an unknown webhook, an ill-formed id and another owner's webhook",
  async (route) => {
    const [method = "", path = ""] = route.split(" ");
    const scoped = await seenBy("user:u_2");
    const before = await secretsOf();
    for (const [where, which] of [
      [api, "wh_none"],
      [api, "%00"],
      [scoped, id],
    ] as const) {
      const answer = await where.call(method, `/v1/webhooks/${which}${path}`);
      expect(answer.status).toBe(404);
      expect(answer.text).not.toContain(first);
    }
    expect(await secretsOf()).toEqual(before);
  },
);

test("a scoped token reveals and rotates the secrets of its owner", async () => {
  const scoped = await seenBy("user:u_1");
  const revealed = await scoped.call("GET", `/v1/webhooks/${id}/secret`);
  expect(revealed.body).toEqual({ secret: first });
  const { status } = await scoped.call("POST", `/v1/webhooks/${id}/rotate-secret`, {});
  expect(status).toBe(200);
});

test("a secret that cannot be opened is answered 409 with what to do, and a rotation replaces it", async () => {
  const withoutKey = await apiScene({ prefix: api.prefix });
  const answer = await withoutKey.call("GET", `/v1/webhooks/${id}/secret`);
  expect(answer.status).toBe(409);
  expect(answer.body["detail"]).toContain("FLUXHOOK_SECRET_KEY");
  expect((await withoutKey.call("GET", `/v1/webhooks/${id}`)).status).toBe(200);
  const { status, body } = await withoutKey.call("POST", `/v1/webhooks/${id}/rotate-secret`, {});
  expect([status, body["previous_expires_at"]]).toEqual([200, null]);
});

test("no other answer about a webhook holds its secret or a previous one", async () => {
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
