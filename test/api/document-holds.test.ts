// What /openapi.json promises: a request that is valid by it is accepted, one that is not is refused.
import { afterAll, expect, test } from "bun:test";
import { readApi, type JsonSchema } from "../support/api-operations.ts";
import { ValidRequests, type Known, type ValidRequest } from "../support/valid-requests.ts";
import { seededRandom } from "../wire/seeded-random.ts";
import { apiScene, closeScenes, TOKEN } from "./api-scene.ts";

const SEED = Number(process.env.FLUXHOOK_TEST_SEED ?? 20_261_128);
const PER_OPERATION = 150;

const random = seededRandom(SEED);
afterAll(closeScenes);
const api = await apiScene({
  config: { maxEventBytes: 262_144, maxWebhookBytes: 1_048_576 },
});
const description = readApi(await (await api.raw("/openapi.json")).text());

function oneOf<T>(...values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

/**
 * Values for the rules that no JSON Schema can express. Each rule is in the description of its field or of
 * the whole document.
 */
const EXCEPTIONS: Record<string, (schema: JsonSchema) => unknown> = {
  // By the URL Standard and the egress settings. An owner has each url once.
  url: () => oneOf("https:", "HTTPS://") + `h${Math.floor(random() * 1e9)}.example.com/ä?b=c%20`,
  // An existing day, and a leap second only where one may be.
  timestamp: () =>
    oneOf("2024-02-29t23:59:59.999999999z", "0000-01-01T00:00:00+23:59", "2016-12-31T23:59:60Z"),
  before: () =>
    oneOf("2024-02-29t23:59:59.9z", "2016-12-31T23:59:60Z", "2026-01-01T00:00:00+01:00"),
  // The bounds of durations are in the description.
  failing_for: () => oneOf("1m", "60000ms", "30d", "720h"),
  retry_schedule: (schema) =>
    schema.type === "string" ? oneOf("0s", "0ms", "7d", "168h", "1m") : undefined,
  // At most 128 bytes; é has two.
  user_id: () => oneOf("u", "é".repeat(64), "💥".repeat(32), "x".repeat(128), "__proto__", "..."),
  org_id: () => oneOf("o", "%/\\?#", "\ufffd".repeat(42), "y".repeat(128)),
  // An expression, which a schema cannot describe.
  filter: (schema) => (schema.type === "null" ? undefined : "event.data.amount > 1000"),
  // Expressions, and rules of one field over another.
  idempotency: (schema) => (schema.type === "null" ? undefined : "trigger.data.id"),
  verification: () => ({ scheme: oneOf("fluxhook", "github", "meta", "standard") }),
  replay: () => false,
  response: () => oneOf({ mode: "minimal", status: 599 }, { mode: "allNodes", timeout_ms: 1_000 }),
  nodes: (schema) => (schema.type === "integer" ? undefined : oneOf(...WORKFLOW_NODES)),
  trigger: (schema) => ("properties" in schema ? undefined : { concurrency: oneOf(1, 1_024) }),
  // From an earlier page.
  cursor: (schema) => (schema.pattern?.includes("A-Z") ? "MSAw" : undefined),
};

const WORKFLOW_NODES = [
  [{ id: "a", type: "set", value: { b: [1.5, null, "{{trigger.data.c}}"] } }],
  [
    { id: "_", type: "if", condition: "trigger.data.a > 1", after: [] },
    { id: "b-1", type: "task", task: "t.1", timeout_ms: 604_800_000, retry: { attempts: 10 } },
    { id: "c", type: "event", org_id: "o", event: "a.b", data: {}, on_error: "continue" },
    { id: "d", type: "http", url: "https://example.com/", method: "PUT", timeout_ms: 100 },
  ],
];

/** What the cursors of a route stand for. */
const CURSORS: Record<string, string> = {
  "GET /v1/audit": "1764288000000-0",
  "GET /v1/executions": "1764288000000 exec-aaaaaaaaaaaaaaaaaaaaaaaaaa",
  "GET /v1/parked": "1764288000000 0123456789abcdef0123456789ab",
  "GET /v1/workflows": "workflow orders",
  "GET /v1/webhooks": "2026-01-01T00:00:00.000Z wh_a",
  "GET /v1/alerts": "alert_0123456789abcdef0123456789abcdef",
};

/** What narrows a stream of attempts. */
const OF_ATTEMPTS = ["user_id", "org_id", "webhook_id", "outcome", "event"];

const known: Known = (name, schema) => EXCEPTIONS[name]?.(schema);

const valid = new ValidRequests(random, description, known);

/** Applies the rules about a whole request that are in the description. */
function completed(request: ValidRequest): ValidRequest {
  const { name } = request.operation;
  const parameters = new Map(request.parameters);
  if (parameters.has("cursor") && name in CURSORS) {
    parameters.set("cursor", Buffer.from(CURSORS[name] ?? "").toString("base64url"));
  }
  const isOwned = parameters.has("user_id") || parameters.has("org_id");
  if (name === "GET /v1/stream") for (const one of notOfStream(parameters)) parameters.delete(one);
  if (name === "GET /v1/webhooks" && !isOwned) parameters.set("user_id", "u_1");
  if (name === "GET /v1/tokens") {
    parameters.delete("org_id");
    parameters.set("user_id", "u_1");
  }
  if (name === "POST /v1/tokens") return { ...request, parameters, body: completedToken(request) };
  const isConfig = name.startsWith("PUT ") && name.endsWith("/config");
  return { ...request, parameters, body: isConfig ? newWebhooks(request.body) : request.body };
}

/** A stream is of the service's figures, of executions, or of attempts and one owner. */
function notOfStream(parameters: ReadonlyMap<string, unknown>): string[] {
  let named = ["workflow_id", ...(parameters.has("user_id") ? ["org_id"] : [])];
  if (parameters.get("executions") === "true") named = OF_ATTEMPTS;
  if (parameters.get("stats") === "true") named = [...OF_ATTEMPTS, "workflow_id"];
  const isOfBoth = parameters.get("stats") === "true" && parameters.get("executions") === "true";
  return [...named.filter((name) => parameters.has(name)), ...(isOfBoth ? ["executions"] : [])];
}

/** The owner has no webhooks that an entry could name, and each url once. */
function newWebhooks(body: unknown): unknown {
  const { webhooks } = body as { webhooks: Record<string, unknown>[] };
  const entries = webhooks.map(({ id: _id, ...entry }, at) => {
    return { ...entry, url: `https://example.com/${at}` };
  });
  return { webhooks: entries };
}

/** An API key has an owner and a name; only an owner's token that expires and may write makes API keys. */
function completedToken({ body }: ValidRequest): object {
  const token = { ...(body as Record<string, unknown>) };
  if (token["expires_in_s"] === null) {
    if ("dashboard" in token) delete token["expires_in_s"];
    else token["name"] ??= "a key";
  }
  const isOwners = !("dashboard" in token) && token["expires_in_s"] !== null;
  if (!isOwners || token["read_only"] === true) delete token["api_keys"];
  return token;
}

/** The rules in words about several fields at once, which one change may break. */
function obeysWords(request: ValidRequest): boolean {
  const { operation, body, parameters } = request;
  if (operation.name === "POST /v1/tokens" && body !== null && typeof body === "object") {
    return Bun.deepEquals(completedToken(request), body);
  }
  if (operation.name === "GET /v1/stream") return notOfStream(parameters).length === 0;
  if (operation.name === "GET /v1/tokens") {
    return parameters.has("user_id") !== parameters.has("org_id");
  }
  return true;
}

async function ask(request: ValidRequest): Promise<{ status: number; text: string }> {
  const { operation, parameters, body } = request;
  const given = (place: string) =>
    operation.parameters
      .filter((one) => one.in === place && parameters.has(one.name))
      .map(({ name }): [string, string] => [name, String(parameters.get(name))]);
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(parameters.get(name))),
  );
  const headers = new Headers([["authorization", `Bearer ${TOKEN}`], ...given("header")]);
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await api.raw(`${path}?${new URLSearchParams(given("query")).toString()}`, {
    method: operation.method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    // It does not end by itself.
    await response.body?.cancel();
    return { status: response.status, text: "" };
  }
  return { status: response.status, text: await response.text() };
}

function shown({ parameters, body }: ValidRequest): string {
  const given = JSON.stringify(Object.fromEntries(parameters));
  return `${given} ${(JSON.stringify(body) ?? "").slice(0, 1_500)}`;
}

const OPERATIONS = description.operations.filter(({ path }) => path.startsWith("/v1/"));

test.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
  "%s accepts every request that is valid by /openapi.json",
  async (_, operation) => {
    for (let round = 0; round < PER_OPERATION; round++) {
      const request = completed(valid.of(operation));
      expect([valid.isValid(request), shown(request)]).toEqual([true, shown(request)]);
      const { status, text } = await ask(request);
      if (status === 400 || status === 422) {
        throw new Error(`${status} ${text.slice(0, 600)}\n${shown(request)}`);
      }
    }
  },
);

/** Fields with rules in words: a changed request may break them while the schema still accepts it. */
const IN_WORDS = new Set([
  ...Object.keys(EXCEPTIONS),
  "headers",
  "disable_rule",
  "webhooks",
  "id",
  // Of a workflow's nodes and trigger.
  "after",
  "condition",
  "delay",
  "scheme",
  "mode",
  "node_id",
  "verify_token",
  "type",
]);

test.each(
  OPERATIONS.filter(
    ({ body, queryParameters, headerParameters }) =>
      body !== null || queryParameters.length + headerParameters.length > 0,
  ).map((operation) => [operation.name, operation] as const),
)(
  "%s refuses a request that one change made invalid by /openapi.json, and no valid one",
  async (_, operation) => {
    const counts = { invalid: 0, valid: 0 };
    for (let round = 0; round < PER_OPERATION * 4; round++) {
      const { request, at } = valid.changed(completed(valid.of(operation)));
      const isValid = valid.isValid(request);
      if (isValid && (at === "" || IN_WORDS.has(at) || !obeysWords(request))) continue;
      counts[isValid ? "valid" : "invalid"]++;
      const { status, text } = await ask(request);
      const isRefused = status === 400 || status === 422 || status === 413;
      if (isRefused === isValid) {
        throw new Error(
          `${isValid ? "valid" : "invalid"} at ${at}, but ${status}\n${text.slice(0, 600)}\n${shown(request)}`,
        );
      }
    }
    expect(counts.invalid).toBeGreaterThan(20);
  },
);
