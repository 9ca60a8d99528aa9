// Guarantee 9: secrets that are planted everywhere, taken through every success and failure, and then
// looked for in all that leaves the process: what it prints, what the API answers, what is in Valkey.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import type { LocalValkey } from "../../src/local-valkey/start.ts";
import { Canaries, canary } from "../support/canaries.ts";
import { dumpValkey } from "../support/dump-valkey.ts";
import { eventually } from "../support/eventually.ts";
import { pushEvents } from "../support/push-events.ts";
import { hang, startReceiver } from "../support/receiver.ts";
import { eventFor } from "../support/serve-scene.ts";
import { runFluxhook } from "../support/service.ts";
import { startTcpReceiver, type TcpReceiver } from "../support/tcp-receiver.ts";
import { freshPrefix, ownValkey, testRedis } from "../support/valkey.ts";
import { startWatchedService, type WatchedService } from "../support/watched-service.ts";

const canaries = new Canaries();
const plant = (name: string) => canaries.add(name, canary(name));

const apiToken = plant("ApiToken");
const wrongToken = plant("WrongToken");
const secretKey = canaries.add("SecretKey", randomBytes(32).toString("base64"));
const alertSecret = plant("AlertSecret");
const brought = [plant("Brought"), plant("BroughtNext")] as const;
const valkeyPassword = plant("ValkeyPassword");
const proxyPassword = plant("ProxyPassword");
const alertPassword = plant("AlertPassword");
const alertQuery = plant("AlertQuery");
const urlPassword = plant("UrlPassword");
const urlQuery = plant("UrlQuery");
const header = plant("Header");

/** What its owner is shown of a webhook by contract: the url and the headers as they were given. */
const OWNERS = ["UrlPassword", "UrlQuery", "Header"];

const prefix = freshPrefix();
const queue = `${prefix}:events`;
const blockedQueue = `${prefix}:blocked`;
const answers: { where: string; status: number; text: string; mayHold: readonly string[] }[] = [];
const services: WatchedService[] = [];
let valkey: LocalValkey;
let valkeyUrl: string;
let proxy: TcpReceiver;

const receiver = startReceiver(({ path, headers }) => {
  const [, status] = /^\/(\d+)/.exec(path) ?? [];
  if (status === undefined) return hang();
  // What is its sender's own: the alerts have another query.
  const said = `${path} ${headers.get("x-api-key")} ${headers.get("authorization")}`;
  return new Response(`${said} come back`, {
    status: Number(status) === 204 ? 200 : Number(status),
    headers: { "X-Said": said, "Set-Cookie": `token=${headers.get("x-api-key")}` },
  });
});

beforeAll(async () => {
  proxy = await startTcpReceiver(async (connection) => {
    await connection.request();
    await connection.write("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
    connection.close();
  });
  valkey = await ownValkey({ extraArgs: ["--requirepass", valkeyPassword] });
  valkeyUrl = `redis://default:${valkeyPassword}@127.0.0.1:${valkey.port}`;
  const first = await serve({
    FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8",
    FLUXHOOK_ALERT_URL: `http://u:${alertPassword}@127.0.0.1:${receiver.port}/204?a=${alertQuery}`,
    FLUXHOOK_ALERT_SECRET: alertSecret,
  });
  const second = await serve({
    FLUXHOOK_QUEUE: blockedQueue,
    FLUXHOOK_EGRESS_ALLOW: "127.0.0.2/32",
    FLUXHOOK_EGRESS_PROXY: `http://proxy:${proxyPassword}@127.0.0.1:${proxy.port}`,
  });
  const ids = await register(first);
  await changeSecrets(first, ids);
  await deliver(first, ids.length);
  await deliverBlocked();
  await ask(first, ids);
  await askWrongly(first, ids[0]!);
  await breakValkey(first, ids[0]!);
  first.signal("SIGUSR2");
  await eventually(() => first.printed.stderr.includes("forced"));
  first.signal("SIGTERM");
  second.signal("SIGABRT");
  await Promise.all(services.map(({ exited }) => exited));
}, 120_000);

afterAll(async () => {
  await Promise.all(services.map((service) => service[Symbol.asyncDispose]()));
  await Promise.all([receiver.stop(), proxy.stop(), valkey.stop()]);
});

async function serve(env: Record<string, string>): Promise<WatchedService> {
  const service = await startWatchedService({
    FLUXHOOK_VALKEY_URL: valkeyUrl,
    FLUXHOOK_PREFIX: prefix,
    FLUXHOOK_API_TOKEN: apiToken,
    FLUXHOOK_SECRET_KEY: secretKey,
    ...env,
  });
  services.push(service);
  return service;
}

interface Answered {
  status: number;
  body: Record<string, unknown>;
}

async function call(
  { url }: WatchedService,
  method: string,
  path: string,
  body?: unknown,
  { mayHold = [], authorization = `Bearer ${apiToken}` }: CallOptions = {},
): Promise<Answered> {
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: authorization, "Content-Type": "application/json" },
    body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = `${JSON.stringify([...response.headers])}\n${await response.clone().text()}`;
  answers.push({ where: `${method} ${path}`, status: response.status, text, mayHold });
  const parsed: unknown = response.status === 204 ? {} : await response.json();
  return { status: response.status, body: parsed as Record<string, unknown> };
}

interface CallOptions {
  mayHold?: readonly string[];
  authorization?: string;
}

/** One webhook for each way in which a delivery may go; answers their ids. */
async function register(service: WatchedService): Promise<string[]> {
  const local = `127.0.0.1:${receiver.port}`;
  const places = [
    `http://@${local}/204`,
    `http://@${local}/400`,
    `http://@${local}/500`,
    `http://@${local}/307`,
    `http://@${local}/hang`,
    `https://@${local}/no-tls`,
    "https://@canary.invalid/no-name",
    `http://@127.0.0.2:${receiver.port}/refused`,
  ];
  const ids: string[] = [];
  for (const [n, place] of places.entries()) {
    const { status, body } = await call(
      service,
      "POST",
      "/v1/webhooks",
      {
        user_id: "u_1",
        url: `${place.replace("//@", `//user:${urlPassword}@`)}?token=${urlQuery}`,
        headers: { "X-Api-Key": header },
        timeout_ms: 500,
        retry_schedule: ["0s"],
        ...(n === 0 ? { secret: brought[0] } : {}),
      },
      { mayHold: [...OWNERS, n === 0 ? "Brought" : `Made${n}`] },
    );
    expect([place, status]).toEqual([place, 201]);
    if (n > 0) canaries.add(`Made${n}`, String(body["secret"]));
    ids.push(String(body["id"]));
  }
  return ids;
}

async function changeSecrets(service: WatchedService, ids: readonly string[]): Promise<void> {
  for (const [n, id] of ids.entries()) {
    const path = `/v1/webhooks/${id}`;
    const { body } = await call(
      service,
      "POST",
      `${path}/rotate-secret`,
      {},
      { mayHold: [`Rotated${n}`] },
    );
    canaries.add(`Rotated${n}`, String(body["secret"]));
    await call(service, "GET", `${path}/secret`, undefined, { mayHold: [`Rotated${n}`] });
  }
  const path = `/v1/webhooks/${ids[0]}/rotate-secret`;
  await call(service, "POST", path, { secret: brought[1] }, { mayHold: ["BroughtNext"] });
}

async function deliver(service: WatchedService, count: number): Promise<void> {
  await pushEvents(valkeyUrl, queue, [eventFor("u_1")]);
  const logs = async () =>
    (await call(service, "GET", "/v1/users/u_1/logs")).body["logs"] as { reason: string | null }[];
  await eventually(async () => (await logs()).length === count, { withinMs: 30_000 });
  const reasons = (await logs()).map(({ reason }) => reason);
  expect(new Set(reasons)).toEqual(
    new Set([
      null,
      "connection-refused",
      "dns",
      "http-307",
      "http-400",
      "http-500",
      "timeout",
      "tls",
    ]),
  );
  // The alerts' own deliveries.
  await eventually(() => receiver.requests.some(({ path }) => path.includes(alertQuery)));
}

async function deliverBlocked(): Promise<void> {
  const before = services[1]!.printed.stdout.length;
  await pushEvents(valkeyUrl, blockedQueue, [eventFor("u_1")]);
  await eventually(
    () => services[1]!.printed.stdout.slice(before).split('"delivery.attempted"').length > 8,
    { withinMs: 30_000 },
  );
}

/** Everything that is asked rightly. */
async function ask(service: WatchedService, ids: readonly string[]): Promise<void> {
  const mayHold = OWNERS;
  const one = `/v1/webhooks/${ids[1]}`;
  for (const [method, path, body] of [
    ["GET", "/v1/webhooks?user_id=u_1", undefined],
    ["GET", one, undefined],
    ["PATCH", one, { description: "changed" }],
    ["PATCH", one, { headers: { "X-Api-Key": header, Authorization: `Bearer ${header}` } }],
    ["POST", `${one}/disable`, undefined],
    ["POST", `${one}/enable`, undefined],
  ] as const) {
    expect((await call(service, method, path, body, { mayHold })).status).toBe(200);
  }
  const made = await call(
    service,
    "POST",
    "/v1/tokens",
    { user_id: "u_1", expires_in_s: 600 },
    { mayHold: ["ScopedToken"] },
  );
  const scoped = canaries.add("ScopedToken", String(made.body["token"]));
  const seen = await call(service, "GET", one, undefined, {
    mayHold,
    authorization: `Bearer ${scoped}`,
  });
  expect(seen.status).toBe(200);
  for (const [name, input] of [
    ["DashboardToken", { dashboard: true }],
    ["ApiKey", { user_id: "u_1", name: "a key", expires_in_s: null }],
  ] as const) {
    const { body: answer } = await call(service, "POST", "/v1/tokens", input, { mayHold: [name] });
    const authorization = `Bearer ${canaries.add(name, String(answer["token"]))}`;
    expect((await call(service, "GET", "/v1/me", undefined, { authorization })).status).toBe(200);
  }
  const log = await call(service, "GET", "/v1/users/u_1/logs");
  for (const { delivery_id, webhook_id } of log.body["logs"] as Record<string, string>[]) {
    const shown = await call(service, "GET", `/v1/deliveries/${delivery_id}`);
    expect(shown.status).toBe(200);
    await call(service, "POST", `/v1/deliveries/${delivery_id}/verify`);
    const failures = await call(service, "GET", `/v1/webhooks/${webhook_id}/failures`);
    expect(failures.status).toBe(200);
  }
  expect(answers.some(({ text }) => text.includes("*** come back"))).toBe(true);
  const event = { user_id: "u_1", event: "file.created", data: {} };
  for (const [method, path, body] of [
    ["POST", "/v1/events", event],
    ["GET", "/v1/parked", undefined],
    ["GET", "/v1/parked/summary", undefined],
    ["POST", "/v1/parked/redeliver", { user_id: "u_1" }],
    ["GET", "/v1/rejected", undefined],
    ["GET", "/v1/event-types", undefined],
    ["DELETE", `/v1/webhooks/${ids[2]}`, undefined],
    ["GET", "/openapi.json", undefined],
    ["GET", "/healthz", undefined],
    ["GET", "/readyz", undefined],
  ] as const) {
    expect((await call(service, method, path, body)).status).toBeLessThan(300);
  }
}

/** What is refused is not repeated, to its own sender neither: answers are logged on their way. */
async function askWrongly(service: WatchedService, id: string): Promise<void> {
  const local = `http://user:${urlPassword}@127.0.0.1:${receiver.port}`;
  const good = { user_id: "u_1", url: `${local}/204?token=${urlQuery}` };
  const rotate = `/v1/webhooks/${id}/rotate-secret`;
  for (const [path, expected, body] of [
    ["/v1/webhooks", 409, good],
    ["/v1/webhooks", 422, { ...good, url: good.url.replace("127.0.0.1", "10.0.0.1") }],
    ["/v1/webhooks", 422, { ...good, url: good.url.replace("http:", "") }],
    ["/v1/webhooks", 422, { ...good, url: good.url.replace("http:", "ftp:") }],
    ["/v1/webhooks", 422, { ...good, url: ` ${good.url}` }],
    ["/v1/webhooks", 422, { ...good, url: `${good.url}#fragment` }],
    ["/v1/webhooks", 422, { ...good, headers: { "X-A": `${header}\n` } }],
    ["/v1/webhooks", 422, { ...good, headers: { "X A": header } }],
    ["/v1/webhooks", 422, { ...good, secret: `whsec_${brought[0]}%` }],
    ["/v1/webhooks", 422, { ...good, secret: { text: brought[0] } }],
    ["/v1/webhooks", 400, `{"secret":"${brought[0]}"`],
    [rotate, 422, { secret: `${brought[0]}\n` }],
    [rotate, 422, { grace_hours: brought[0] }],
    [`/v1/nothing?token=${urlQuery}`, 404, {}],
  ] as const) {
    const { status } = await call(service, "POST", path, body);
    expect([status, body]).toEqual([expected, body]);
  }
  for (const authorization of [
    `Bearer ${wrongToken}`,
    `Bearer ${apiToken}x`,
    `Basic ${Buffer.from(`user:${apiToken}`).toString("base64")}`,
    apiToken,
  ]) {
    const { status } = await call(service, "GET", `/v1/webhooks/${id}/secret`, undefined, {
      authorization,
    });
    expect([401, 429]).toContain(status);
  }
}

/** A key of a wrong type, a password that is no longer right, no Valkey at all. */
async function breakValkey(service: WatchedService, id: string): Promise<void> {
  const redis = await testRedis(valkeyUrl);
  await redis.set(`${prefix}:webhooks:user:u_2`, "not a hash");
  const url = `http://user:${urlPassword}@127.0.0.1:${receiver.port}/204?token=${urlQuery}`;
  const create = { user_id: "u_2", url, headers: { "X-Api-Key": header }, secret: brought[0] };
  expect((await call(service, "POST", "/v1/webhooks", create)).status).toBe(503);
  await pushEvents(valkeyUrl, queue, [eventFor("u_2")]);
  await eventually(() => service.printed.stdout.includes('"key.wrong_type"'));
  await redis.del(`${prefix}:webhooks:user:u_2`);

  const unavailable = async () => {
    const { status } = await call(service, "POST", `/v1/webhooks/${id}/rotate-secret`, {
      secret: brought[0],
    });
    return status === 503;
  };
  const available = async () => (await call(service, "GET", "/readyz")).status === 200;
  await redis.config("SET", "requirepass", "another");
  await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await eventually(unavailable);
  await redis.config("SET", "requirepass", valkeyPassword);
  await eventually(available, { withinMs: 30_000 });
  redis.disconnect();

  valkey.signal("SIGKILL");
  await valkey.exited;
  await eventually(unavailable);
  await valkey.restart();
  await eventually(available, { withinMs: 30_000 });
}

test("the canaries were sent to the receiver and shown to the webhook's creator", () => {
  const requests = receiver.requests.map(
    ({ path, headers }) => `${path}\n${JSON.stringify(Object.fromEntries(headers))}`,
  );
  const given = canaries.leaksIn("requests", requests.join("\n")).map(({ name }) => name);
  expect(new Set(given)).toEqual(new Set([...OWNERS, "AlertPassword", "AlertQuery"]));
  const toProxy = Buffer.concat(proxy.connections.map(({ received }) => received)).toString();
  const givenToProxy = canaries.leaksIn("proxy", toProxy).map(({ name }) => name);
  expect(givenToProxy).toContain("ProxyPassword");
  const created = answers.filter(({ where }) => where === "POST /v1/webhooks");
  const shown = created.flatMap(({ where, text }) => canaries.leaksIn(where, text));
  expect(new Set(shown.map(({ name }) => name))).toContain("Made1");
});

test("no API response contains a secret, except those to create, rotate and reveal", () => {
  const leaks = answers.flatMap(({ where, text, mayHold }) =>
    canaries.leaksIn(where, text, mayHold),
  );
  expect(leaks).toEqual([]);
  expect(answers.length).toBeGreaterThan(60);
});

test("no log line contains a secret, even at level debug", () => {
  for (const { printed } of services) {
    expect(canaries.leaksIn("stdout", printed.stdout)).toEqual([]);
  }
  const [first, second] = services.map(({ printed }) => printed.stdout);
  for (const event of ["delivery.attempted", "alert.raised", "request.wrong_type", "valkey.lost"]) {
    expect(first).toContain(`"${event}"`);
  }
  expect(second).toContain('"blocked-address"');
});

test("no key in Valkey contains a secret, and a url is only in its webhook's record", async () => {
  const redis = await testRedis(valkeyUrl);
  const dumped = await dumpValkey(redis);
  redis.disconnect();
  const leaks = dumped.flatMap(([key, text]) =>
    canaries.leaksIn(
      key,
      text,
      key.startsWith(`${prefix}:webhooks:`) ? ["UrlPassword", "UrlQuery"] : [],
    ),
  );
  expect(leaks).toEqual([]);
  const kinds = new Set(dumped.map(([key]) => key.replaceAll(/[0-9a-f]{8,}/g, "…")));
  expect(kinds.size).toBeGreaterThan(10);
});

test("an uncaught error and a SIGABRT print no secret", async () => {
  const [first, aborted] = services;
  expect(await first!.exited).toEqual({ exitCode: 0, signal: null });
  expect(first!.printed.stderr).toContain("fluxhook: uncaught: Error: forced");
  expect((await aborted!.exited).signal).toBe("SIGABRT");
  for (const { printed } of services) {
    expect(canaries.leaksIn("stderr", printed.stderr)).toEqual([]);
  }
});

describe("a start with a wrong setting names the setting and does not repeat its value", () => {
  test.each([
    ["VALKEY_URL", `redis//:${valkeyPassword}@127.0.0.1`],
    ["API_TOKEN", `${apiToken} ${apiToken}`],
    ["SECRET_KEY", `${secretKey},${secretKey.slice(1)}`],
    ["ALERT_SECRET", `whsec_${alertSecret}%`],
    ["ALERT_URL", `ftp://u:${alertPassword}@127.0.0.1/?a=${alertQuery}`],
    ["EGRESS_PROXY", `socks5://u:${proxyPassword}@127.0.0.1`],
  ])("%s", async (name, value) => {
    const { exitCode, stdout, stderr } = await runFluxhook(["serve"], {
      FLUXHOOK_API_TOKEN: apiToken,
      [`FLUXHOOK_${name}`]: value,
    });
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(`FLUXHOOK_${name}`);
    expect(canaries.leaksIn("stderr", stderr)).toEqual([]);
  });
});
