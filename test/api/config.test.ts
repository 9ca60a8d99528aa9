import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { Config, ConfigApplied, ConfigEntry } from "../../src/wire/config-document.ts";
import type { WebhookId } from "../../src/wire/ids.ts";
import {
  apiScene,
  asOwner,
  closeScenes,
  faultyFields,
  type Answer,
  type ApiScene,
} from "./api-scene.ts";

afterAll(closeScenes);

const PATH = "/v1/users/u_1/config";
const URL_1 = "https://example.com/1";
const URL_2 = "https://example.com/2";
const URL_3 = "https://example.com/3";

let api: ApiScene;
beforeEach(async () => {
  api = await apiScene();
});

async function get(path = PATH): Promise<{ webhooks: ConfigEntry[]; etag: string }> {
  const answer = await api.call("GET", path);
  expect(answer.status).toBe(200);
  const { webhooks } = answer.body as unknown as Config;
  return { webhooks, etag: answer.headers.get("etag") ?? "" };
}

function put(webhooks: unknown, etag: string, query = "", path = PATH): Promise<Answer> {
  return api.call("PUT", `${path}${query}`, { webhooks }, { "if-match": etag });
}

async function applied(webhooks: unknown, etag?: string): Promise<ConfigApplied> {
  const answer = await put(webhooks, etag ?? (await get()).etag);
  expect(answer.text).not.toContain("problem");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("etag")).toBe((await get()).etag);
  return answer.body as unknown as ConfigApplied;
}

async function create(url: string, fields: object = {}): Promise<WebhookId> {
  const answer = await api.call("POST", "/v1/webhooks", { user_id: "u_1", url, ...fields });
  expect(answer.status).toBe(201);
  return answer.body["id"] as WebhookId;
}

describe("the configuration document", () => {
  test("is empty for an owner without webhooks, and has a version", async () => {
    expect(await get()).toEqual({ webhooks: [], etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) });
  });

  test("shows the fields that can be set, oldest first, and no secret", async () => {
    const first = await create(URL_1, {
      headers: { "X-Team": "core" },
      filter: "event.data.n > 1",
    });
    const second = await create(URL_2, { enabled: false });
    const { webhooks } = await get();
    expect(webhooks.map(({ id }) => id)).toEqual([first, second]);
    expect(webhooks[0]).toEqual({
      id: first,
      url: URL_1,
      events: ["*"],
      dialect: "fluxdrop",
      filter: "event.data.n > 1",
      description: "",
      headers: { "X-Team": "core" },
      enabled: true,
      disable_rule: { failing_for: "5d" },
      timeout_ms: 10_000,
      retry_schedule: ["0s", "1m", "5m", "30m", "2h"],
    });
  });

  test("can be put as it was got, and then nothing changes", async () => {
    const id = await create(URL_1);
    const before = await api.webhook(id);
    const { webhooks, etag } = await get();
    expect(await applied(webhooks, etag)).toEqual({
      created: [],
      changed: [],
      deleted: [],
      webhooks,
    });
    expect(await api.webhook(id)).toEqual(before);
  });

  test("keeps its version when a webhook fails or its secret is rotated, and not when it is disabled", async () => {
    const id = await create(URL_1);
    const { etag } = await get();
    await api.fail(id, 3);
    await api.call("POST", `/v1/webhooks/${id}/rotate-secret`, {});
    expect((await get()).etag).toBe(etag);
    await api.call("POST", `/v1/webhooks/${id}/disable`);
    expect((await get()).etag).not.toBe(etag);
  });
});

describe("putting a document", () => {
  test("creates, changes and deletes, and answers with the secrets of new webhooks only", async () => {
    const changed = await create(URL_1);
    const gone = await create(URL_2);
    const { secrets } = await api.webhook(changed);
    const answer = await applied([
      { url: URL_3, events: ["file.*"], secret: "a secret of the user's own" },
      { id: changed, url: URL_2, description: "moved" },
      { url: "https://example.com/4" },
    ]);
    const made = answer.created.map(({ id = "" }) => id);
    expect(answer.created).toEqual([
      { index: 0, url: URL_3, id: made[0], secret: "a secret of the user's own" },
      {
        index: 2,
        url: "https://example.com/4",
        id: made[1],
        secret: expect.stringMatching(/^whsec_/),
      },
    ]);
    expect(answer.changed).toEqual([
      { index: 1, id: changed, url: URL_2, fields: ["url", "description"] },
    ]);
    expect(answer.deleted).toEqual([{ id: gone, url: URL_2 }]);
    // The new ones in the order of the document.
    expect((await get()).webhooks.map(({ id }) => id)).toEqual([changed, ...made]);
    expect(answer.webhooks).toEqual((await get()).webhooks);
    expect(await api.webhook(changed)).toMatchObject({ url: URL_2, events: ["*"], secrets });
    expect((await api.call("GET", `/v1/webhooks/${gone}`)).status).toBe(404);
    expect((await api.call("GET", `/v1/webhooks/${made[0]}`)).body).toMatchObject({
      user_id: "u_1",
    });
    expect(await api.webhookCount()).toBe(3);
  });

  test("gives a new webhook the defaults of its dialect and of the settings", async () => {
    api = await apiScene({ retrySchedule: ["0s", "7s"] });
    await applied([{ url: URL_1, dialect: "flux" }]);
    const [entry] = (await get()).webhooks;
    expect(entry).toMatchObject({ retry_schedule: ["0s", "7s"], events: ["*"], enabled: true });
  });

  test("exchanges the urls of two webhooks", async () => {
    const [a, b] = [await create(URL_1), await create(URL_2)];
    await applied([
      { id: a, url: URL_2 },
      { id: b, url: URL_1 },
    ]);
    expect((await api.webhook(a)).url).toBe(URL_2);
    expect((await api.webhook(b)).url).toBe(URL_1);
  });

  test("forgets the failures of a webhook that it enables", async () => {
    const id = await create(URL_1);
    await api.fail(id, 3);
    await api.call("POST", `/v1/webhooks/${id}/disable`);
    await applied([{ id, enabled: true }]);
    const answer = await api.call("GET", `/v1/webhooks/${id}`);
    expect(answer.body).toMatchObject({
      disabled_reason: null,
      health: { consecutive_failures: 0 },
    });
  });

  test("rotates to a secret that is not the newest one; the one before still signs for a day", async () => {
    const id = await create(URL_1, { secret: "the first secret of the user" });
    const secret = "the second secret of the user";
    expect((await applied([{ id, secret }])).changed).toMatchObject([{ fields: ["secret"] }]);
    const { secrets } = await api.webhook(id);
    expect(secrets[0]).toEqual({ secret, expires_at: null });
    expect(secrets[1]?.secret).toBe("the first secret of the user");
    expect((await applied([{ id, secret }])).changed).toEqual([]);
  });

  test("leaves the webhooks of other owners and temporary webhooks as they are", async () => {
    const other = await api.call("POST", "/v1/webhooks", { org_id: "u_1", url: URL_1 });
    const temporary = await create(URL_2);
    await api.change(temporary, { url: "fluxhook-listen://session" });
    expect((await get()).webhooks).toEqual([]);
    await applied([]);
    expect(await api.webhookCount()).toBe(2);
    expect(other.status).toBe(201);
  });

  test("takes the longest document that the API can answer", async () => {
    const events = Array.from({ length: 100 }, (_, n) => `e${n}`.padEnd(128, "x"));
    const headers = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`X-H${n}`, "v".repeat(190)]),
    );
    const webhooks = Array.from({ length: 100 }, (_, n) => ({
      url: `https://example.com/${n}/`.padEnd(2048, "p"),
      events,
      headers,
      description: "é".repeat(500),
      retry_schedule: Array.from({ length: 50 }, () => "1m"),
    }));
    await applied(webhooks);
    const { webhooks: got } = await get();
    expect(got).toHaveLength(100);
    expect((await applied(got)).changed).toEqual([]);
  });
});

describe("a dry run", () => {
  test("answers what would change, without ids and secrets, and changes nothing", async () => {
    const id = await create(URL_1);
    const gone = await create(URL_2);
    const { etag } = await get();
    const answer = await put([{ url: URL_3 }, { id, timeout_ms: 500 }], etag, "?dry_run=true");
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      created: [{ index: 0, url: URL_3 }],
      changed: [{ index: 1, id, url: URL_1, fields: ["timeout_ms"] }],
      deleted: [{ id: gone, url: URL_2 }],
    });
    expect((await get()).etag).toBe(etag);
    expect(await api.webhookCount()).toBe(2);
  });

  test("needs no If-Match, and refuses one that does not match", async () => {
    const path = `${PATH}?dry_run=true`;
    expect((await api.call("PUT", path, { webhooks: [] })).status).toBe(200);
    expect((await put([], '"0"', "?dry_run=true")).status).toBe(412);
  });
});

describe("the precondition", () => {
  test("is required", async () => {
    const answer = await api.call("PUT", PATH, { webhooks: [{ url: URL_1 }] });
    expect(answer.status).toBe(428);
    expect(answer.body["type"]).toBe("urn:fluxhook:problem:precondition-required");
    expect(await api.webhookCount()).toBe(0);
  });

  test("refuses a document that was read before another change, and names the version of now", async () => {
    const id = await create(URL_1);
    const { webhooks, etag } = await get();
    await api.call("PATCH", `/v1/webhooks/${id}`, { description: "another" });
    const answer = await put(webhooks, etag);
    expect(answer.status).toBe(412);
    expect(answer.headers.get("etag")).toBe((await get()).etag);
    expect((await api.webhook(id)).description).toBe("another");
  });

  test("accepts a list of tags, a weakened tag and *", async () => {
    await create(URL_1);
    const { webhooks, etag } = await get();
    for (const tag of [`"0", ${etag}`, `W/${etag}`, "*"]) {
      expect((await put(webhooks, tag)).status).toBe(200);
    }
  });

  test("refuses a tag without quotes with 422", async () => {
    const answer = await put([], "abc");
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(["if-match"]);
  });

  test("lets one of many writers with the same version through", async () => {
    const { etag } = await get();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => put([{ url: `https://example.com/w${n}` }], etag)),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 19 }, () => 412)]);
    expect((await get()).webhooks).toHaveLength(1);
    expect(await api.webhookCount()).toBe(1);
  });

  test("lets a document through when only a secret was rotated meanwhile, and keeps the rotation", async () => {
    const id = await create(URL_1);
    const { webhooks, etag } = await get();
    const rotated = await api.call("POST", `/v1/webhooks/${id}/rotate-secret`, {});
    await applied([{ ...webhooks[0], description: "new" }], etag);
    expect((await api.webhook(id)).secrets[0]?.secret).toBe(rotated.body["secret"] as string);
  });
});

describe("a document with a fault", () => {
  const unknown = "wh_unknown";

  test.each<[string, unknown, string[]]>([
    ["no webhooks", undefined, ["webhooks"]],
    ["webhooks that are no array", {}, ["webhooks"]],
    ["a new webhook without a url", [{ events: ["a"] }], ["webhooks.0.url"]],
    ["a url of another scheme", [{ url: URL_1 }, { url: "ftp://a.b" }], ["webhooks.1.url"]],
    ["a denied address", [{ url: "https://10.0.0.1/" }], ["webhooks.0.url"]],
    ["a filter that does not compile", [{ url: URL_1, filter: "1 +" }], ["webhooks.0.filter"]],
    ["an unknown field", [{ url: URL_1, user_id: "u_2" }], ["webhooks.0.user_id"]],
    ["an ill-formed id", [{ id: "1" }], ["webhooks.0.id"]],
    ["an unknown id", [{ id: unknown }], ["webhooks.0.id"]],
    ["an id twice", [{ id: unknown }, { id: unknown }], ["webhooks.0.id", "webhooks.1.id"]],
    ["a url twice", [{ url: URL_1 }, { url: URL_1 }], ["webhooks.1.url"]],
    ["the url of another entry", [{ url: URL_1 }], []],
    ["a short secret", [{ url: URL_1, secret: "short" }], ["webhooks.0.secret"]],
    [
      "faults that the schema finds, and others",
      [{ url: "https://10.0.0.1/" }, { url: 1 }, { id: unknown }],
      ["webhooks.0.url", "webhooks.1.url", "webhooks.2.id"],
    ],
    [
      "several faults",
      [{ url: "https://10.0.0.1/" }, { url: URL_1 }, { id: unknown }, { url: URL_2, filter: "(" }],
      ["webhooks.0.url", "webhooks.2.id", "webhooks.3.filter"],
    ],
    [
      "101 webhooks",
      Array.from({ length: 101 }, (_, n) => ({ url: `${URL_1}/${n}` })),
      ["webhooks"],
    ],
  ])("with %s changes nothing, and every fault is named", async (_, webhooks, fields) => {
    const id = await create("https://example.com/before");
    const { etag } = await get();
    const given = fields.length > 0 ? webhooks : [{ id, url: URL_1 }, { url: URL_1 }];
    const answer = await put(given, etag);
    expect(answer.status).toBe(422);
    expect(faultyFields(answer)).toEqual(fields.length > 0 ? fields : ["webhooks.1.url"]);
    expect((await get()).etag).toBe(etag);
    expect(await api.webhookCount()).toBe(1);
  });

  test("does not repeat a refused secret", async () => {
    const answer = await put([{ url: URL_1, secret: "whsec_c2VjcmV0" }], "*");
    expect(answer.status).toBe(422);
    expect(answer.text).not.toContain("c2VjcmV0");
  });

  test("does not take the webhook of another owner by its id", async () => {
    const other = await api.call("POST", "/v1/webhooks", { user_id: "u_2", url: URL_1 });
    const answer = await put([{ id: other.body["id"], url: URL_2 }], "*");
    expect(faultyFields(answer)).toEqual(["webhooks.0.id"]);
    expect((await api.webhook(other.body["id"] as WebhookId)).url).toBe(URL_1);
  });
});

test("an owner's token reaches its own document and no other", async () => {
  api = await apiScene({ identify: asOwner("user:u_1") });
  expect((await api.call("GET", PATH)).status).toBe(200);
  expect((await put([{ url: URL_1 }], "*")).status).toBe(200);
  for (const path of ["/v1/users/u_2/config", "/v1/orgs/u_1/config"]) {
    expect((await api.call("GET", path)).status).toBe(404);
    expect((await put([], "*", "", path)).status).toBe(404);
  }
});

test("an organisation has a document of its own", async () => {
  const answer = await put([{ url: URL_1 }], "*", "", "/v1/orgs/o_1/config");
  const [made] = (answer.body as unknown as ConfigApplied).created;
  expect((await api.webhook(made?.id as WebhookId)).org_id).toBe("o_1");
});

test("a webhook that cannot be opened is named, and nothing is read or changed", async () => {
  const key = Buffer.alloc(32, 1).toString("base64");
  const sealed = await apiScene({ secretKey: [key] });
  const made = await sealed.call("POST", "/v1/webhooks", { user_id: "u_1", url: URL_1 });
  api = await apiScene({ prefix: sealed.prefix });
  const read = await api.call("GET", PATH);
  expect(read.status).toBe(409);
  expect(read.text).toContain(made.body["id"] as string);
  expect((await put([], "*")).status).toBe(409);
  expect(await api.webhookCount()).toBe(1);
});

test("secrets of a document are sealed where there is a key", async () => {
  api = await apiScene({ secretKey: [Buffer.alloc(32, 1).toString("base64")] });
  await applied([{ url: URL_1, secret: "a secret of the user's own" }]);
  const stored = await api.redis.hvals(`${api.prefix}:webhooks:user:u_1`);
  expect(stored.join()).not.toContain("a secret of the user's own");
});
