// A read-only token changes nothing, on any route: the routes are those of /openapi.json.
import { afterAll, describe, expect, test } from "bun:test";
import { newApi, json } from "../../../src/api/http/openapi.ts";
import {
  documentReadOnly,
  READS,
  READS_WITH_DRY_RUN,
  refuseWrites,
} from "../../../src/api/auth/access.ts";
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { readApi } from "../../support/api-operations.ts";
import { ownerPrincipal } from "../../support/tokens.ts";
import { apiScene, closeScenes, TOKEN } from "../api-scene.ts";

afterAll(closeScenes);
const api = await apiScene();
const { operations } = readApi(await (await api.raw("/openapi.json")).text());

/** What is no GET and may be called all the same: with what body or query. */
const READING: Record<string, { query?: string; body?: object }> = {
  "POST /v1/workflows/check": { body: {} },
  "POST /v1/check-url": { body: {} },
  "POST /v1/deliveries/{delivery_id}/verify": {},
  "PUT /v1/users/{user_id}/config": { query: "?dry_run=true", body: { webhooks: [] } },
  "PUT /v1/orgs/{org_id}/config": { query: "?dry_run=true", body: { webhooks: [] } },
  "POST /v1/parked/redeliver": { body: { user_id: "u_1", dry_run: true } },
};

/** Whatever they are sent. */
const CHANGES_NOTHING = [
  "POST /v1/check-url",
  "POST /v1/workflows/check",
  "POST /v1/deliveries/{delivery_id}/verify",
];

async function tokenOf(fields: object): Promise<string> {
  const { body } = await api.call("POST", "/v1/tokens", fields);
  return String(body["token"]);
}

const HOLDERS: readonly (readonly [string, object])[] = [
  ["an owner's token", { user_id: "u_1", read_only: true }],
  ["a dashboard token", { dashboard: true, read_only: true }],
  ["an API key", { user_id: "u_1", read_only: true, expires_in_s: null, name: "reads" }],
];

const pathOf = (path: string) => path.replaceAll(/\{(\w+)\}/g, "wh_x");

describe.each(HOLDERS)("%s that is read-only", (_, fields) => {
  test("is answered 403 by every route that is no GET, whatever its body", async () => {
    const authorization = `Bearer ${await tokenOf(fields)}`;
    const writes = operations.filter(
      ({ isClosed, method, name }) =>
        isClosed && method !== "GET" && !CHANGES_NOTHING.includes(name),
    );
    expect(writes.length).toBeGreaterThan(10);
    for (const { method, path, name } of writes) {
      for (const body of [undefined, {}, { dry_run: false, user_id: "u_1" }, { dry_run: "true" }]) {
        const answer = await api.call(method, `${pathOf(path)}?dry_run=false`, body, {
          authorization,
        });
        // A body that cannot be read may be refused before it is asked whether it is a dry run.
        const isUnread = name === "POST /v1/parked/redeliver" && body === undefined;
        expect([name, answer.status]).toEqual([name, isUnread ? 415 : 403]);
        if (!isUnread) expect(answer.body["type"]).toBe("urn:fluxhook:problem:read-only");
      }
    }
  });

  test("may call every GET, and what changes nothing", async () => {
    const authorization = `Bearer ${await tokenOf(fields)}`;
    for (const { method, path, name, isClosed } of operations) {
      const reading = READING[name];
      if (!isClosed || (method !== "GET" && reading === undefined)) continue;
      const query = reading?.query ?? "?wait_ms=0";
      const { status } = await api.call(method, pathOf(path) + query, reading?.body, {
        authorization,
      });
      expect([name, status === 403]).toEqual([name, false]);
    }
  });
});

test("the document says of every write that it may be answered 403, and of nothing else", async () => {
  const document = JSON.parse(await (await api.raw("/openapi.json")).text()) as {
    paths: Record<string, Record<string, { responses: object; security?: unknown }>>;
  };
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { responses, security }] of Object.entries(methods)) {
      const name = `${method.toUpperCase()} ${path}`;
      const isWrite = method !== "get" && security === undefined && !CHANGES_NOTHING.includes(name);
      expect([method, path, "403" in responses]).toEqual([method, path, isWrite]);
    }
  }
});

describe("a route", () => {
  const app = newApi();
  let isReadOnly = true;
  app.use("/v1/*", async (c, next) => {
    c.set("principal", ownerPrincipal("user:u_1", { readOnly: isReadOnly }));
    return next();
  });
  app.use("/v1/*", refuseWrites(app));
  const responses = { 200: json(z.object({}), "done") };
  const declare = (path: string, access: object) =>
    app.openapi(createRoute({ method: "post", path, responses, ...access }), (c) =>
      c.json({}, 200),
    );
  declare("/v1/new", {});
  declare("/v1/things/{id}/verify", READS);
  declare("/v1/things/{id}", READS_WITH_DRY_RUN);
  // Declared beside the document.
  app.post("/v1/hidden", (c) => c.json({}, 200));
  documentReadOnly(app);
  const status = async (path: string) => (await app.request(path, { method: "POST" })).status;

  test.each([
    ["/v1/new", 403],
    ["/v1/hidden", 403],
    ["/v1/things/a/verify", 200],
    ["/v1/things/a", 403],
    ["/v1/things/a?dry_run=true", 200],
    ["/v1/things/a?dry_run=1", 403],
    ["/v1/things/a?dry_run=true&dry_run=false", 200],
  ])(
    "that says nothing is refused, one that says that it reads is not: %s",
    async (path, expected) => {
      isReadOnly = true;
      expect(await status(path)).toBe(expected);
      isReadOnly = false;
      expect(await status(path)).toBe(200);
    },
  );
});

test("the API token itself is never read-only", async () => {
  const { body } = await api.call("GET", "/v1/me");
  expect(body).toMatchObject({ kind: "api", read_only: false });
  expect(JSON.stringify(body)).not.toContain(TOKEN);
});
