// Nobody but the owner and the API token sees or changes an owner's things, on any route: every route
// of /openapi.json is asked by callers who must not, with the names of the victim's own things.
import { beforeAll, describe, expect, test } from "bun:test";
import type { Redis } from "iovalkey";
import { describeApi, type ApiOperation, type JsonSchema } from "../support/api-operations.ts";
import { eventually } from "../support/eventually.ts";
import type { Receiver } from "../support/receiver.ts";
import { ownerToken } from "../support/tokens.ts";
import { register } from "../support/serve-scene.ts";
import { API_TOKEN } from "../support/service.ts";
import { useService } from "../support/use-scene.ts";

/** Stands in everything of the victims, so an answer without it has told nothing of them. */
const CANARY = "canary";
const VICTIMS = { user_id: "u_canary", org_id: "o_canary" };

interface Target {
  webhookId: string;
  deliveryId: string;
  /** Of `fluxhook listen`. */
  session: string;
  /** An API key of the victim's. */
  keyId: string;
}
interface Variant {
  path: string;
  body?: unknown;
}

/** The victim's value of each parameter that a path or a query may have. */
const PARAMETERS: Record<string, (target: Target) => string> = {
  id: ({ webhookId }) => webhookId,
  webhook_id: ({ webhookId }) => webhookId,
  delivery_id: ({ deliveryId }) => deliveryId,
  session: ({ session }) => session,
  key_id: ({ keyId }) => keyId,
  execution_id: () => "exec-canarycanarycanarycanaryca",
  workflow_id: () => "wf_canary",
  user_id: () => VICTIMS.user_id,
  org_id: () => VICTIMS.org_id,
  reason: () => "http-500",
  event: () => "canary.happened",
  q: ({ webhookId }) => webhookId,
};
/** Parameters that name nobody's thing. */
const NAMELESS = new Set([
  "limit",
  "cursor",
  "after",
  "wait_ms",
  "outcome",
  "for_s",
  "state",
  "kind",
  "dry_run",
  "dialect",
  "range",
  "action",
  // Of the whole service: 404 for every owner's token (test/api/stream.test.ts).
  "stats",
  "executions",
]);
/** Fields that narrow what a request means and name nobody. */
const NARROWING = new Set(["reason", "event"]);
/** Values of fields that the document's examples do not give, or that the victims must not have yet. */
const VALUES: Record<string, unknown> = { url: "https://example.com/canary-new" };

const { scene, service } = useService();
let receiver: Receiver;
let operations: ApiOperation[];
let schemas: Record<string, JsonSchema>;
const targets: Target[] = [];
/** What tells something of the victims wherever it stands. */
const known: string[] = [CANARY];

beforeAll(async () => {
  ({ operations, schemas } = await describeApi(service.url));
  receiver = scene.receiver(
    ({ path }) => new Response(null, { status: path === "/dead" ? 500 : 204 }),
  );
  for (const owner of [{ user_id: VICTIMS.user_id }, { org_id: VICTIMS.org_id }]) {
    for (const path of ["/canary", "/dead"]) {
      const { id, secret } = await register(service, {
        ...owner,
        url: `${receiver.url}${path}`,
        description: CANARY,
        retry_schedule: ["0s"],
      });
      known.push(id, secret);
    }
  }
  await scene.push(JSON.stringify({ ...VICTIMS, event: "canary.happened", data: { CANARY } }));
  await scene.push('{"user_id":"canary rejected"}');
  const { redis, prefix } = scene;
  await eventually(async () => {
    expect(await redis.llen(`${prefix}:logs:${VICTIMS.user_id}`)).toBe(2);
    expect(await redis.llen(`${prefix}:org-logs:${VICTIMS.org_id}`)).toBe(2);
    expect(await redis.zcard(`{${prefix}:events}:parked`)).toBe(2);
    expect(await redis.llen(`${prefix}:rejected`)).toBe(1);
    // What is written behind the settling: none of it may come in the middle of a comparison.
    expect(await redis.llen(`${prefix}:alerts`)).toBe(2);
    expect(await redis.keys(`${prefix}:kept:*`)).toHaveLength(2);
    expect(await redis.keys(`${prefix}:health:*`)).toHaveLength(4);
  });
  for (const [owner, path] of [
    [{ user_id: VICTIMS.user_id }, `/v1/users/${VICTIMS.user_id}/logs`],
    [{ org_id: VICTIMS.org_id }, `/v1/orgs/${VICTIMS.org_id}/logs`],
  ] as const) {
    const session = await listenAs(owner);
    const { body: key } = await service.api("POST", "/v1/tokens", {
      ...owner,
      name: CANARY,
      expires_in_s: null,
    });
    const keyId = String(key["id"]);
    known.push(session, keyId, String(key["token"]));
    const { body } = await service.api<{ logs: { webhook_id: string; delivery_id: string }[] }>(
      "GET",
      path,
    );
    for (const { webhook_id: webhookId, delivery_id: deliveryId } of body.logs) {
      targets.push({ webhookId, deliveryId, session, keyId });
      known.push(deliveryId);
    }
  }
});

/** Goes with `executions=true` alone, which no owner's token may ask for. */
const isOfExecutions = ({ name }: ApiOperation, parameter: string) =>
  name === "GET /v1/stream" && parameter === "workflow_id";

/** Every way in which a route can name the target; also, where it has a query, without any name. */
function variantsOf(operation: ApiOperation, target: Target): Variant[] {
  const value = (name: string) => {
    const of = PARAMETERS[name];
    if (!of) throw new Error(`say in PARAMETERS or NAMELESS what ${name} of ${operation.name} is`);
    return encodeURIComponent(of(target));
  };
  // Without it the answer would be waited for, or would not end.
  const brief = ["wait_ms", "for_s"].find((name) => operation.queryParameters.includes(name));
  const always = brief === undefined ? "" : `?${brief}=0`;
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => value(name));
  const queries = operation.queryParameters
    .filter((name) => !NAMELESS.has(name) && !isOfExecutions(operation, name))
    .map((name) => `?${name}=${value(name)}${brief === undefined ? "" : `&${brief}=0`}`);
  if (operation.queryParameters.includes("dry_run")) queries.push("?dry_run=true");
  const bodies = operation.body === null ? [undefined] : bodiesOf(operation.body, target);
  const isNeeded = operation.parameters.some((one) => one.in === "query" && one.required);
  return [...(isNeeded ? [] : [always]), ...queries].flatMap((query) =>
    bodies.map((body) => ({ path: path + query, body })),
  );
}

/**
 * Valid bodies of a route, from its schema: two for each name of the victim's that it may hold, without
 * and with all that narrows the request; where it holds none, the least that it takes and one for each
 * field that is a number, a choice or a switch.
 */
function bodiesOf(given: JsonSchema, target: Target): unknown[] {
  const schema = resolved(given);
  const kinds = schema.anyOf ?? schema.oneOf;
  if (kinds && !schema.properties) return kinds.flatMap((kind) => bodiesOf(kind, target));
  if (schema.type === "array") return bodiesOf(schema.items ?? {}, target).map((body) => [body]);
  const properties = Object.entries(schema.properties ?? {});
  const least = sampleOf(schema, "") as Record<string, unknown>;
  const narrowed = properties.flatMap(([name, { type }]): [string, unknown][] => {
    if (NARROWING.has(name)) return [[name, PARAMETERS[name]?.(target)]];
    return type === "boolean" ? [[name, true]] : [];
  });
  const named = properties.flatMap(([name]) => {
    const victims = NARROWING.has(name) ? undefined : PARAMETERS[name]?.(target);
    if (victims === undefined || name === "id") return [];
    const body = { ...least, [name]: victims };
    return narrowed.length === 0 ? [body] : [body, { ...body, ...Object.fromEntries(narrowed) }];
  });
  if (named.length > 0) return named;
  const changed = properties
    .filter(([, one]) => /boolean|integer/.test(String(one.type)) || one.enum || "const" in one)
    .map(([name, one]) => ({ ...least, [name]: sampleOf(one, name) }));
  const isEnough = Object.keys(least).length >= (schema.minProperties ?? 0);
  return isEnough ? [least, ...changed] : changed;
}

function resolved(schema: JsonSchema): JsonSchema {
  const name = schema.$ref?.split("/").at(-1);
  return name === undefined ? schema : (schemas[name] ?? {});
}

function sampleOf(given: JsonSchema, name: string): unknown {
  const schema = resolved(given);
  if (name in VALUES) return VALUES[name];
  if ("example" in schema) return schema.example;
  if ("const" in schema) return schema.const;
  if (schema.enum) return schema.enum[0];
  switch (schema.type) {
    case "object": {
      const members = (schema.required ?? []).map((key) => [
        key,
        sampleOf(schema.properties?.[key] ?? {}, key),
      ]);
      return Object.fromEntries(members) as unknown;
    }
    case "array":
      return [];
    case "boolean":
      return false;
    case "integer":
    case "number":
      return schema.minimum ?? 1;
    default:
      return "";
  }
}

async function ask(
  operation: ApiOperation,
  { path, body }: Variant,
  authorization: string | null,
): Promise<{ status: number; text: string }> {
  const response = await fetch(service.url + path, {
    method: operation.method,
    headers: {
      ...(authorization === null ? {} : { authorization }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

/** Everything in Valkey but the workers' heartbeats, and how far they have looked at what is parked. */
async function snapshot(redis: Redis, prefix: string): Promise<Record<string, string>> {
  const keys = (await redis.keys(`*${prefix}*`)).filter(
    (key) => !/:(workers?|parked-index-state)(?::|$)/.test(key),
  );
  const dumps = keys.toSorted().map(async (key) => {
    const dump = await redis.dumpBuffer(key);
    return [key, dump.toString("base64")] as const;
  });
  return Object.fromEntries(await Promise.all(dumps));
}

async function scopedToken(owner: object): Promise<string> {
  const { body } = await service.api("POST", "/v1/tokens", owner);
  return String(body["token"]);
}

/** A session that the owner itself has begun. */
async function listenAs(owner: object): Promise<string> {
  const response = await fetch(`${service.url}/v1/listen`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await scopedToken(owner)}`,
      "content-type": "application/json",
    },
    body: "{}",
  });
  return ((await response.json()) as { session: string }).session;
}

/** Asks everything as this caller; answers who was told or allowed too much, and how it was answered. */
async function attack(
  authorization: string | null,
  isFine: (status: number) => boolean,
  ownId = "",
) {
  const faults: string[] = [];
  let asked = 0;
  const before = await snapshot(scene.redis, scene.prefix);
  const delivered = receiver.requests.length;
  for (const operation of operations) {
    for (const variant of targets.flatMap((target) => variantsOf(operation, target))) {
      const { status, text } = await ask(operation, variant, authorization);
      asked += 1;
      // Its own name a caller may be told, whatever is in it.
      const ofOthers = ownId === "" ? text : text.replaceAll(JSON.stringify(ownId), "");
      const told = known.filter((secret) => ofOthers.includes(secret));
      const isAllowed = operation.isClosed ? isFine(status) : status === 200;
      if (!isAllowed || told.length > 0) {
        faults.push(`${operation.name} ${JSON.stringify(variant)}: ${status} ${told.join()}`);
      }
      const isWrite = operation.method !== "GET" && operation.name !== "POST /v1/check-url";
      if (isWrite && status < 300) faults.push(`${operation.name} was done`);
    }
  }
  expect(faults).toEqual([]);
  expect(await snapshot(scene.redis, scene.prefix)).toEqual(before);
  expect(receiver.requests).toHaveLength(delivered);
  expect(asked).toBeGreaterThan(operations.length);
}

const refused = (status: number) => status === 401 || status === 429;

describe("every route reveals and changes nothing", () => {
  test("without a token", () => attack(null, (status) => status === 401));

  const flip = (token: string, at: number) =>
    token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
  const hour = [new Date(), new Date(Date.now() + 3_600_000)] as const;
  const victim = { kind: "user", id: VICTIMS.user_id } as const;

  test.each<[string, () => Promise<string> | string]>([
    ["a wrong token", () => "Bearer wrong-token-of-thirty-two-letter"],
    ["the API token in another scheme", () => `Basic ${btoa(`api:${API_TOKEN}`)}`],
    ["the API token and one letter more", () => `Bearer ${API_TOKEN}x`],
    [
      "a token of the victim that has expired",
      async () => `Bearer ${await ownerToken(API_TOKEN, victim, new Date(0), new Date(1))}`,
    ],
    [
      "a token of the victim with another owner in it",
      async () => `Bearer ${flip(await scopedToken({ user_id: "u_eve" }), 20)}`,
    ],
    [
      "a token of the victim with another signature",
      async () => `Bearer ${flip(await scopedToken({ user_id: VICTIMS.user_id }), -1)}AA`,
    ],
    [
      "a token of the victim made with another API token",
      async () => `Bearer ${await ownerToken("another".repeat(4), victim, ...hour)}`,
    ],
  ])("with %s", async (_, authorization) => attack(await authorization(), refused));

  test.each([
    [{ user_id: "u_eve" }],
    // The victims' own names, of the other kind.
    [{ org_id: VICTIMS.user_id }],
    [{ user_id: VICTIMS.org_id }],
    [{ user_id: `user:${VICTIMS.user_id}` }],
    [{ user_id: `${VICTIMS.user_id}\u200b` }],
    [{ user_id: "u_Canary" }],
    [{ user_id: "*" }],
    [{ user_id: "__proto__" }],
    [{ org_id: "../u_canary" }],
  ])("with the token of %j", async (owner: { user_id?: string; org_id?: string }) => {
    const authorization = `Bearer ${await scopedToken(owner)}`;
    // What names no owner is answered with the asker's own, of which there is nothing.
    const ownId = owner.user_id ?? owner.org_id;
    await attack(authorization, (status) => status === 404 || status === 200, ownId);
  });

  test("for another owner, as if that owner did not exist", async () => {
    const authorization = `Bearer ${await scopedToken({ user_id: "u_eve" })}`;
    for (const operation of operations.filter(({ isClosed }) => isClosed)) {
      for (const variant of variantsOf(operation, targets[0]!)) {
        const named = JSON.stringify(variant).match(/u_canary|o_canary|wh_|[0-9a-f]{8}-/);
        const { status } = await ask(operation, variant, authorization);
        const isFilter = /\?(webhook_id|q)=/.test(variant.path);
        if (named && !isFilter) expect([operation.name, status]).toEqual([operation.name, 404]);
      }
    }
  });
});

describe("the same requests are answered", () => {
  /** What belongs to no single owner. */
  const API_ONLY = [
    "POST /v1/events",
    "GET /v1/rejected",
    "GET /metrics",
    "GET /v1/stats",
    "GET /v1/series",
    "POST /v1/rejected/requeue",
    "POST /v1/tokens",
    "DELETE /v1/users/{user_id}",
    "DELETE /v1/orgs/{org_id}",
  ];
  const MAY_BE_OVER = [
    "POST /v1/listen/{session}/answers",
    "DELETE /v1/listen/{session}",
    // No catalogue has the type of the victims' event.
    "GET /v1/sample",
    "DELETE /v1/tokens/{key_id}",
  ];
  const ofBoth = (owner: keyof typeof VICTIMS) => ({ [owner]: VICTIMS[owner] });

  test.each(["user_id", "org_id"] as const)("to the owner itself: %s", async (kind) => {
    const authorization = `Bearer ${await scopedToken(ofBoth(kind))}`;
    const mine = targets.slice(kind === "user_id" ? 0 : 2).slice(0, 2);
    const other = VICTIMS[kind === "user_id" ? "org_id" : "user_id"];
    // What deletes comes last, so that the others have something to answer.
    const inOrder = operations.toSorted(
      (a, b) => Number(a.method === "DELETE") - Number(b.method === "DELETE"),
    );
    for (const operation of inOrder.filter(({ isClosed }) => isClosed)) {
      for (const variant of mine.flatMap((target) => variantsOf(operation, target))) {
        const { status } = await ask(operation, variant, authorization);
        const isHidden =
          API_ONLY.includes(operation.name) ||
          // Workflows and their executions are the operator's.
          /^\/v1\/(?:workflows|executions)\b/.test(operation.path) ||
          JSON.stringify(variant).includes(other);
        const name = `${operation.name} ${JSON.stringify(variant)}`;
        // What is over can be asked for by nobody.
        if (MAY_BE_OVER.includes(operation.name)) continue;
        expect([name, status === 404]).toEqual([name, isHidden]);
        // A webhook that is switched off by the PATCH, a delivery that is gone: it is still its owner's.
        expect([200, 201, 202, 204, 404, 409, 410, 428]).toContain(status);
      }
    }
  });
});
