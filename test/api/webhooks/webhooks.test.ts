import type { WebhookId } from "../../../src/wire/ids.ts";
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { Webhook } from "../../../src/wire/webhook.ts";
import { webhookRecord } from "../../valkey/webhooks/webhook-records.ts";
import { apiScene, asOwner, closeScenes, faultyFields, type ApiScene } from "../api-scene.ts";

afterAll(closeScenes);

const PATH = "/v1/webhooks";
const URL_1 = "https://example.com/hooks?key=1";
const input = { user_id: "u_1", url: URL_1 };

let api: ApiScene;
beforeEach(async () => {
  api = await apiScene();
});

async function create(json: object = input): Promise<WebhookId> {
  const answer = await api.call("POST", PATH, json);
  expect(answer.status).toBe(201);
  return answer.body["id"] as WebhookId;
}

describe("creating a webhook", () => {
  test("fills in the dialect's defaults, and answers with the secret", async () => {
    const answer = await api.call("POST", PATH, input);
    expect(answer.status).toBe(201);
    const { id, secret } = answer.body as { id: string; secret: string };
    expect(id).toMatch(/^wh_[A-Za-z0-9]{24}$/);
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(answer.headers.get("location")).toBe(`/v1/webhooks/${id}`);
    expect(answer.body).toEqual({
      id,
      user_id: "u_1",
      url: URL_1,
      events: ["*"],
      dialect: "fluxdrop",
      filter: null,
      description: "",
      headers: {},
      enabled: true,
      disabled_reason: null,
      disable_rule: { failing_for: "5d" },
      timeout_ms: 10_000,
      retry_schedule: ["0s", "1m", "5m", "30m", "2h"],
      created_at: "2126-01-02T03:04:06.678Z",
      updated_at: "2126-01-02T03:04:06.678Z",
      health: { last_success_at: null, last_failure_at: null, consecutive_failures: 0 },
      secret,
    });
  });

  test("keeps everything that is given", async () => {
    const given = {
      org_id: "o_1",
      url: "http://127.0.0.1:8080/in",
      events: ["file.*", "org.updated"],
      dialect: "fluxdrop",
      filter: "event.data.size > 1000",
      description: "CI",
      headers: { "X-Team": "core" },
      enabled: false,
      disable_rule: null,
      timeout_ms: 2_000,
      retry_schedule: ["0s", "250ms"],
    };
    const secret = "a secret of the user's own";
    const answer = await api.call("POST", PATH, { ...given, secret });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ ...given, secret, disabled_reason: "manual" });
    expect(answer.body).not.toHaveProperty("user_id");
  });

  test("prefers the schedule of the settings to the dialect's, and the user's to both", async () => {
    api = await apiScene({ retrySchedule: ["0s", "7s"] });
    const set = await api.call("POST", PATH, input);
    expect(set.body["retry_schedule"]).toEqual(["0s", "7s"]);
    const own = await api.call("POST", PATH, { org_id: "o", url: URL_1, retry_schedule: ["1s"] });
    expect(own.body["retry_schedule"]).toEqual(["1s"]);
  });

  test.each<[string, unknown, string[]]>([
    ["no url", { user_id: "u_1" }, ["url"]],
    ["a url without a scheme", { ...input, url: "example.com" }, ["url"]],
    ["a url with another scheme", { ...input, url: "ftp://example.com/" }, ["url"]],
    ["a url with a line break", { ...input, url: "https://example.com/\n" }, ["url"]],
    ["a url with port 0", { ...input, url: "https://example.com:0/" }, ["url"]],
    ["a url with a fragment", { ...input, url: "https://example.com/#x" }, ["url"]],
    ["a url that is too long", { ...input, url: `https://a.b/${"x".repeat(2048)}` }, ["url"]],
    ["no owner", { url: URL_1 }, ["user_id"]],
    ["two owners", { ...input, org_id: "o_1" }, ["user_id"]],
    ["an owner with a brace", { ...input, user_id: "u}1" }, ["user_id"]],
    ["a pattern with a star inside", { ...input, events: ["file.*.x"] }, ["events.0"]],
    ["a pattern with a space", { ...input, events: ["*", "a b"] }, ["events.1"]],
    ["no patterns", { ...input, events: [] }, ["events"]],
    ["a pattern twice", { ...input, events: ["a", "a"] }, ["events"]],
    ["an unknown dialect", { ...input, dialect: "smoke" }, ["dialect"]],
    ["the Host header", { ...input, headers: { Host: "x" } }, ["headers.Host"]],
    ["a header with a line break", { ...input, headers: { "X-A": "b\r\nc: d" } }, ["headers.X-A"]],
    ["a time-out over 30 s", { ...input, timeout_ms: 30_001 }, ["timeout_ms"]],
    [
      "a delay that is no duration",
      { ...input, retry_schedule: ["0s", "soon"] },
      ["retry_schedule.1"],
    ],
    ["an unknown rule", { ...input, disable_rule: { after: 3 } }, ["disable_rule"]],
    ["a short secret", { ...input, secret: "short" }, ["secret"]],
    ["a malformed whsec_ secret", { ...input, secret: "whsec_%%%" }, ["secret"]],
    ["unknown fields", { ...input, id: "wh_1", evnts: [] }, ["id", "evnts"]],
    ["an array", [input], [""]],
    ["null", null, [""]],
  ])("refuses %s with 422, and names the field", async (_, json, fields) => {
    const answer = await api.call("POST", PATH, json);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(fields);
    expect(await api.webhookCount()).toBe(0);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });

  test("does not repeat a refused secret in the answer", async () => {
    const answer = await api.call("POST", PATH, { ...input, secret: "whsec_c2VjcmV0" });
    expect(answer.status).toBe(422);
    expect(answer.text).not.toContain("c2VjcmV0");
  });

  test("refuses a second webhook of an owner with the same url with 409, and names the first", async () => {
    const id = await create();
    const answer = await api.call("POST", PATH, input);
    expect(answer.status).toBe(409);
    expect(answer.body["webhook_id"]).toBe(id);
    expect(answer.body["detail"]).toContain(id);
    await create({ user_id: "u_2", url: URL_1 });
    await create({ org_id: "u_1", url: URL_1 });
  });

  test("refuses the 101st webhook of an owner with 409", async () => {
    for (let n = 0; n < 100; n += 1) await create({ ...input, url: `https://example.com/${n}` });
    const answer = await api.call("POST", PATH, input);
    expect(answer.status).toBe(409);
    expect(answer.body["type"]).toBe("urn:fluxhook:problem:too-many-webhooks");
  });
});

describe("listing webhooks", () => {
  const ids = (answer: { body: Record<string, unknown> }) =>
    (answer.body["webhooks"] as { id: string }[]).map(({ id }) => id);

  test("without an owner answers those of all owners, to the API token", async () => {
    const made = [
      await create({ ...input, url: "https://a.example/" }),
      await create({ org_id: "o_1", url: "https://b.example/" }),
      await create({ user_id: "u_2", url: "https://c.example/" }),
    ];
    const answer = await api.call("GET", PATH);
    expect(ids(answer).toSorted()).toEqual(made.toSorted());
    expect(answer.body["next_cursor"]).toBeNull();
    const own = await apiScene({ prefix: api.prefix, identify: asOwner("user:u_2") });
    expect(ids(await own.call("GET", PATH))).toEqual(made.slice(2));
  });

  test.each([3, 700])("without an owner reaches each of %p in pages", async (count) => {
    for (let n = 0; n < count; n += 1) {
      await api.stores.webhooks.create(webhookRecord({ user_id: `u_${n % 90}` }));
    }
    // What another program wrote, and a lookup that a crash has left.
    await api.redis.hset(`${api.prefix}:webhook-owners`, "wh_odd", "odd", "wh_left", "user:u_1");
    const seen: string[] = [];
    let pages = 0;
    for (let cursor = ""; pages === 0 || cursor !== "null"; pages += 1) {
      const asked = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await api.call("GET", `${PATH}?limit=50${asked}`);
      expect(ids(page).length).toBeLessThanOrEqual(50);
      seen.push(...ids(page));
      cursor = String(page.body["next_cursor"]);
    }
    expect(new Set(seen).size).toBe(count);
    expect(pages).toBe(Math.ceil(count / 50));
  });

  test("with a state answers only webhooks that are disabled, or enabled and failing", async () => {
    const fine = await create({ ...input, url: "https://a.example/" });
    const failing = await create({ ...input, url: "https://b.example/" });
    const disabled = await create({ user_id: "u_2", url: "https://c.example/", enabled: false });
    await api.fail(failing, 2);
    await api.fail(disabled, 2);
    expect(ids(await api.call("GET", `${PATH}?state=failing`))).toEqual([failing]);
    expect(ids(await api.call("GET", `${PATH}?state=disabled`))).toEqual([disabled]);
    expect(ids(await api.call("GET", `${PATH}?state=failing&user_id=u_1`))).toEqual([failing]);
    expect(ids(await api.call("GET", `${PATH}?state=disabled&user_id=u_1`))).toEqual([]);
    expect(ids(await api.call("GET", `${PATH}?user_id=u_1`))).toEqual([fine, failing]);
  });

  test("of a rare state answers short pages, and reaches what is there", async () => {
    for (let n = 0; n < 1_500; n += 1) {
      const enabled = n !== 1_499;
      await api.stores.webhooks.create(webhookRecord({ user_id: `u_${n % 90}`, enabled }));
    }
    const found: string[] = [];
    let pages = 0;
    for (let cursor = ""; cursor !== "null"; pages += 1) {
      const asked = cursor === "" ? "" : `&cursor=${cursor}`;
      const page = await api.call("GET", `${PATH}?state=disabled${asked}`);
      found.push(...ids(page));
      cursor = String(page.body["next_cursor"]);
    }
    expect([found.length, pages]).toEqual([1, 2]);
  });

  test("refuses the cursor of another list, and an unknown parameter", async () => {
    await create({ ...input, url: "https://a.example/" });
    await create({ user_id: "u_2", url: "https://a.example/" });
    await create({ ...input, url: "https://b.example/" });
    const all = await api.call("GET", `${PATH}?limit=1`);
    const own = await api.call("GET", `${PATH}?limit=1&user_id=u_1`);
    const cursors = [all, own].map(({ body }) => String(body["next_cursor"]));
    for (const query of [`user_id=u_1&cursor=${cursors[0]}`, `cursor=${cursors[1]}`]) {
      const answer = await api.call("GET", `${PATH}?${query}`);
      expect([answer.status, faultyFields(answer)]).toEqual([422, ["cursor"]]);
    }
    const unknown = await api.call("GET", `${PATH}?user_id=u_1&stat=failing`);
    expect([unknown.status, faultyFields(unknown)]).toEqual([422, ["stat"]]);
    expect(unknown.body["detail"]).toBe("stat: is not a parameter of this route");
    expect(faultyFields(await api.call("GET", `${PATH}?state=broken`))).toEqual(["state"]);
  });

  test("answers those of a user, of an organisation, or of both, oldest first", async () => {
    const first = await create({ ...input, url: "https://a.example/" });
    const second = await create({ org_id: "o_1", url: "https://b.example/" });
    const third = await create({ ...input, url: "https://c.example/" });
    await create({ user_id: "u_2", url: "https://d.example/" });
    expect(ids(await api.call("GET", `${PATH}?user_id=u_1`))).toEqual([first, third]);
    expect(ids(await api.call("GET", `${PATH}?org_id=o_1`))).toEqual([second]);
    const both = await api.call("GET", `${PATH}?user_id=u_1&org_id=o_1`);
    expect(ids(both)).toEqual([first, second, third]);
    expect(both.body["next_cursor"]).toBeNull();
    expect((await api.call("GET", `${PATH}?user_id=nobody`)).body).toEqual({
      webhooks: [],
      next_cursor: null,
    });
  });

  test("reaches all of them in pages, also if one on an earlier page is deleted", async () => {
    const all: string[] = [];
    for (let n = 0; n < 5; n += 1) all.push(await create({ ...input, url: `https://e.org/${n}` }));
    const seen: string[] = [];
    let cursor: unknown = "";
    do {
      const asked = cursor === "" ? "" : `&cursor=${String(cursor)}`;
      const page = await api.call("GET", `${PATH}?user_id=u_1&limit=2${asked}`);
      seen.push(...ids(page));
      await api.call("DELETE", `${PATH}/${seen[0]}`);
      cursor = page.body["next_cursor"];
    } while (cursor !== null);
    expect(seen).toEqual(all);
  });

  test.each([["0"], ["-1"], ["101"], ["1.5"], ["ten"], [""], ["1&limit=2"]])(
    "is refused with 422 for the limit %p",
    async (limit) => {
      const answer = await api.call("GET", `${PATH}?user_id=u_1&limit=${limit}`);
      expect(answer.status).toBe(422);
      expect(faultyFields(answer)).toEqual(["limit"]);
    },
  );

  test("is refused for an ill-formed cursor or owner", async () => {
    for (const cursor of ["a%20b", "abc", "", Buffer.from("wh_1").toString("base64url")]) {
      const bad = await api.call("GET", `${PATH}?user_id=u_1&cursor=${cursor}`);
      expect(faultyFields(bad)).toEqual(["cursor"]);
    }
    const owner = await api.call("GET", `${PATH}?user_id=a%7Bb`);
    expect(faultyFields(owner)).toEqual(["user_id"]);
  });

  test("answers the health of each webhook", async () => {
    const [first, second] = [await create(), await create({ ...input, url: "https://f.org" })];
    await api.fail(second, 9);
    const answer = await api.call("GET", `${PATH}?user_id=u_1`);
    const webhooks = answer.body["webhooks"] as Pick<Webhook, "id" | "health">[];
    expect(webhooks.map(({ id, health }) => [id, health.consecutive_failures])).toEqual([
      [first, 0],
      [second, 9],
    ]);
  });
});

describe("a webhook", () => {
  test.each<[string, string, unknown]>([
    ["GET", "", undefined],
    ["PATCH", "", { description: "x" }],
    ["DELETE", "", undefined],
    ["GET", "/secret", undefined],
    ["POST", "/enable", undefined],
    ["POST", "/disable", undefined],
  ])("that does not exist is answered 404 by %s /v1/webhooks/…%s", async (method, tail, json) => {
    for (const id of ["wh_none", "nonsense", "wh_%7Bx%7D", `wh_${"x".repeat(500)}`]) {
      const answer = await api.call(method, `${PATH}/${id}${tail}`, json);
      expect(answer.status).toBe(404);
      expect(answer.body["detail"]).toBe("there is no webhook with this id");
    }
  });

  test("is answered with its health", async () => {
    const secret = "a secret of the user's own";
    const id = await create({ ...input, secret });
    const health = await api.fail(id, 9);
    const answer = await api.call("GET", `${PATH}/${id}`);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id, health });
  });

  test("shows its secret only when it is created and when it is revealed", async () => {
    const secret = "a secret of the user's own";
    const id = await create({ ...input, secret });
    const one = `${PATH}/${id}`;
    for (const [method, path, json] of [
      ["GET", one, undefined],
      ["GET", `${PATH}?user_id=u_1`, undefined],
      ["PATCH", one, { description: "x" }],
      ["POST", `${one}/disable`, undefined],
      ["POST", `${one}/enable`, undefined],
      ["POST", PATH, { ...input, secret }],
    ] as const) {
      const answer = await api.call(method, path, json);
      expect(answer.text).not.toContain(secret);
      expect(answer.text).not.toContain('"secret');
    }
    const revealed = await api.call("GET", `${one}/secret`);
    expect(revealed.body).toEqual({ secret });
  });

  test("is not found after DELETE", async () => {
    const id = await create();
    const answer = await api.call("DELETE", `${PATH}/${id}`);
    expect([answer.status, answer.text]).toEqual([204, ""]);
    expect((await api.call("GET", `${PATH}/${id}`)).status).toBe(404);
    expect((await api.call("DELETE", `${PATH}/${id}`)).status).toBe(404);
  });
});

describe("changing a webhook", () => {
  test("keeps the fields that are not given, and sets updated_at", async () => {
    const id = await create({ ...input, description: "before", timeout_ms: 5_000 });
    const before = (await api.call("GET", `${PATH}/${id}`)).body;
    const answer = await api.call("PATCH", `${PATH}/${id}`, { events: ["file.*"] });
    expect(answer.status).toBe(200);
    const { updated_at: updatedAt, ...rest } = answer.body;
    expect({ ...before, events: ["file.*"] }).toMatchObject(rest);
    expect(String(updatedAt) > String(before["updated_at"])).toBe(true);
  });

  test("to another dialect keeps its time-out, schedule and rule", async () => {
    const own = { timeout_ms: 1_234, retry_schedule: ["0s"], disable_rule: null };
    const id = await create({ ...input, ...own });
    const answer = await api.call("PATCH", `${PATH}/${id}`, { dialect: "fluxdrop" });
    expect(answer.body).toMatchObject(own);
  });

  test.each<[string, unknown, string[]]>([
    ["nothing", {}, [""]],
    ["the owner", { description: "x", user_id: "u_2" }, ["user_id"]],
    ["the secret", { description: "x", secret: "a secret of the user's own" }, ["secret"]],
    ["the id", { description: "x", id: "wh_2" }, ["id"]],
    ["the health", { description: "x", health: {} }, ["health"]],
    ["the disabled_reason", { description: "x", disabled_reason: null }, ["disabled_reason"]],
    ["the url to null", { url: null }, ["url"]],
    ["a pattern to a bad one", { events: ["*", "a..b"] }, ["events.1"]],
  ])("is refused with 422 if it changes %s", async (_, json, fields) => {
    const id = await create();
    const before = await api.webhook(id);
    const answer = await api.call("PATCH", `${PATH}/${id}`, json);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(fields);
    expect(await api.webhook(id)).toEqual(before);
  });

  test("is answered 409 for the url of another webhook, and 200 for its own", async () => {
    const other = await create({ ...input, url: "https://other.example/" });
    const id = await create();
    const answer = await api.call("PATCH", `${PATH}/${id}`, { url: "https://other.example/" });
    expect(answer.status).toBe(409);
    expect(answer.body["webhook_id"]).toBe(other);
    expect((await api.call("PATCH", `${PATH}/${id}`, { url: URL_1 })).status).toBe(200);
  });
});

describe("enabling and disabling a webhook", () => {
  test.each([
    ["PATCH", "", { enabled: true }],
    ["POST", "/enable", undefined],
  ])("by %s …%s clears its disabled_reason and its failures", async (method, tail, json) => {
    const id = await create();
    await api.change(id, { enabled: false, disabled_reason: "gone" });
    await api.fail(id, 9);
    const answer = await api.call(method, `${PATH}/${id}${tail}`, json);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      enabled: true,
      disabled_reason: null,
      health: { consecutive_failures: 0 },
    });
    const [health] = await api.stores.health.read([id]);
    expect(health?.consecutive_failures).toBe(0);
  });

  test.each([
    ["PATCH", "", { enabled: false }],
    ["POST", "/disable", undefined],
  ])("by %s …%s gives the reason manual, and keeps its health", async (method, tail, json) => {
    const id = await create();
    const health = await api.fail(id, 9);
    const answer = await api.call(method, `${PATH}/${id}${tail}`, json);
    expect(answer.body).toMatchObject({
      enabled: false,
      disabled_reason: "manual",
      health,
    });
  });

  test("is not what a patch with enabled: true does to an enabled webhook: it keeps its health", async () => {
    const id = await create();
    const health = await api.fail(id, 9);
    const answer = await api.call("PATCH", `${PATH}/${id}`, { enabled: true, description: "x" });
    expect(answer.body["health"]).toEqual(health);
  });

  test("is not what another patch does to a disabled webhook: it keeps its disabled_reason", async () => {
    const id = await create();
    await api.change(id, { enabled: false, disabled_reason: "gone" });
    for (const json of [{ description: "x" }, { enabled: false }]) {
      const answer = await api.call("PATCH", `${PATH}/${id}`, json);
      expect(answer.body).toMatchObject({ enabled: false, disabled_reason: "gone" });
    }
  });
});
