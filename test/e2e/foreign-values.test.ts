// What another program, or a damaged file, has put under Fluxhook's keys: it is shown as what it is, and
// nothing else is kept from working.
import { beforeAll, describe, expect, test } from "bun:test";
import { queueKeys, sharedKeys } from "../../src/valkey/keys.ts";
import { ownerTag } from "../../src/valkey/queue/delivery-id.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor, register } from "../support/serve-scene.ts";
import { API_TOKEN, runFluxhook } from "../support/service.ts";
import { useService } from "../support/use-scene.ts";

const FOREIGN: [what: string, element: string | Buffer][] = [
  ["text", "hello"],
  ["a JSON string", '"hello"'],
  ["a JSON array", "[1,2]"],
  ["null", "null"],
  ["another object", '{"a":1}'],
  ["half an object", '{"reason":"not-json","queue":'],
  ["the wrong types", '{"reason":1,"outcome":{},"delivery_id":[],"queue":7}'],
  ["bytes", Buffer.from([0xff, 0x00, 0xfe])],
  ["nothing", ""],
];

const { scene, service } = useService();
let user = 0;
const newUser = () => `u_${(user += 1)}`;
const keys = () => sharedKeys(scene.prefix);

async function get<T = Record<string, unknown>>(path: string): Promise<T> {
  const { status, body } = await service.api<T>("GET", path);
  expect([path, status]).toEqual([path, 200]);
  return body;
}

const cli = (...args: string[]) =>
  runFluxhook(args, { FLUXHOOK_URL: service.url, FLUXHOOK_API_TOKEN: API_TOKEN });

interface Shown {
  id: string;
  reason: string;
  message: string;
  outcome: string;
  raw?: string;
  raw_base64?: string;
  size: number;
}

describe("a foreign element in the rejected list", () => {
  beforeAll(async () => {
    await scene.push("no event");
    await eventually(async () => (await scene.redis.llen(keys().rejected)) === 1);
    for (const [, element] of FOREIGN) await scene.redis.lpush(keys().rejected, element);
  });

  test("is listed with its bytes as `unreadable`, beside the elements that Fluxhook rejected", async () => {
    const { rejected } = await get<{ rejected: Shown[] }>("/v1/rejected");
    expect(rejected).toHaveLength(FOREIGN.length + 1);
    expect(rejected.at(-1)).toMatchObject({ reason: "not-json", raw: "no event" });
    for (const [at, [, element]] of FOREIGN.toReversed().entries()) {
      const bytes = Buffer.from(element);
      const isText = typeof element === "string";
      expect(rejected[at]).toMatchObject({
        id: expect.stringMatching(/^[0-9a-f]{16}$/),
        reason: "unreadable",
        queue: null,
        rejected_at: null,
        size: bytes.length,
        ...(isText ? { raw: element } : { raw_base64: bytes.toString("base64") }),
      });
    }
  });

  test("appears in the table of `fluxhook rejected list`", async () => {
    const { exitCode, stdout } = await cli("rejected", "list");
    expect(exitCode).toBe(0);
    expect(stdout.match(/unreadable/g)?.length).toBe(FOREIGN.length);
  });

  test("stays in place when all others are requeued", async () => {
    const { body } = await service.api("POST", "/v1/rejected/requeue", { all: true });
    // It is no event still, so it may be back on the list already, as one that remains.
    expect(body["requeued"]).toBe(1);
    expect(await scene.redis.llen(keys().rejected)).toBeGreaterThanOrEqual(FOREIGN.length);
  });
});

describe("a foreign element in a log", () => {
  test("is shown as unreadable, in the API and on a terminal, beside the attempts", async () => {
    const owner = newUser();
    const receiver = scene.receiver();
    await register(service, { user_id: owner, url: receiver.url });
    await scene.push(eventFor(owner));
    await eventually(async () => (await scene.logOf(owner)).length === 1);
    for (const [, element] of FOREIGN) {
      await scene.redis.lpush(keys().logs(`user:${owner}`), element);
    }
    const { logs } = await get<{ logs: Shown[] }>(`/v1/users/${owner}/logs`);
    expect(logs).toHaveLength(FOREIGN.length + 1);
    expect(logs.at(-1)).toMatchObject({ outcome: "delivered" });
    for (const [at, [, element]] of FOREIGN.toReversed().entries()) {
      expect(logs[at]).toMatchObject({
        outcome: "unreadable",
        reason: "unreadable",
        ...(typeof element === "string"
          ? { raw: element }
          : { raw_base64: element.toString("base64") }),
      });
    }
    const { exitCode, stdout } = await cli("logs", owner);
    expect(exitCode).toBe(0);
    expect(stdout.match(/unreadable/g)?.length).toBe(FOREIGN.length);
    expect(stdout).toContain("delivered");
  });

  test("is cut to 4 KiB at a whole character, whatever its size", async () => {
    const owner = newUser();
    await scene.redis.lpush(keys().logs(`user:${owner}`), `x${"é".repeat(1_000_000)}`);
    const { logs } = await get<{ logs: Shown[] }>(`/v1/users/${owner}/logs`);
    expect(logs[0]?.raw).toBe(`x${"é".repeat(2_047)}`);
  });
});

test("a foreign element among the kept bodies prevents no redelivery", async () => {
  const owner = newUser();
  const receiver = scene.receiver();
  await register(service, { user_id: owner, url: receiver.url });
  await scene.push(eventFor(owner));
  const [entry] = await eventually(async () => {
    const log = await scene.logOf(owner);
    return log.length === 1 && log;
  });
  const kept = keys().bodies(ownerTag(`user:${owner}`));
  await eventually(async () => (await scene.redis.llen(kept)) === 1);
  for (const [, element] of FOREIGN) await scene.redis.lpush(kept, element);
  const { status } = await service.api("POST", `/v1/deliveries/${entry!.delivery_id}/redeliver`);
  expect(status).toBe(202);
  await receiver.waitFor(2);
  const none = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001";
  expect((await service.api("POST", `/v1/deliveries/${none}/redeliver`)).status).toBe(404);
});

describe("a webhook whose record is damaged", () => {
  test.each(FOREIGN)(
    "is listed, parks its events, can be deleted, and stops no other webhook of its owner (by %s)",
    async (_, element) => {
      const owner = newUser();
      const receiver = scene.receiver();
      const good = await register(service, { user_id: owner, url: `${receiver.url}/good` });
      const bad = await register(service, { user_id: owner, url: `${receiver.url}/bad` });
      await scene.redis.hset(keys().webhooks(`user:${owner}`), bad.id, element);
      await scene.redis.xadd(keys().changes, "*", "owner", `user:${owner}`);

      const { webhooks } = await get<{ webhooks: { id: string }[] }>(
        `/v1/webhooks?user_id=${owner}`,
      );
      expect(webhooks.map(({ id }) => id).toSorted()).toEqual([good.id, bad.id].toSorted());
      expect(await get(`/v1/webhooks/${bad.id}`)).toMatchObject({
        user_id: owner,
        enabled: false,
        disabled_reason: "record-unreadable",
      });
      const table = await cli("webhooks", "list", "--user", owner);
      expect([table.exitCode, table.stdout]).toEqual([
        0,
        expect.stringContaining("record-unreadable"),
      ]);

      for (const [method, path, body] of [
        ["PATCH", "", { description: "x" }],
        ["POST", "/enable", undefined],
        ["POST", "/rotate-secret", {}],
        ["GET", "/secret", undefined],
        ["POST", "/test", undefined],
      ] as const) {
        const answer = await service.api(method, `/v1/webhooks/${bad.id}${path}`, body);
        expect([method, path, answer.status]).toEqual([method, path, 409]);
      }
      const patched = await service.api("PATCH", `/v1/webhooks/${good.id}`, { description: "x" });
      expect(patched.status).toBe(200);

      await scene.push(eventFor(owner));
      await receiver.waitFor(1);
      await eventually(async () => {
        const { parked } = await get<{ parked: { webhook_id: string }[] }>(
          `/v1/parked?user_id=${owner}`,
        );
        expect(parked.map(({ webhook_id }) => webhook_id)).toEqual([bad.id]);
      });
      const problem = service.lines.find(
        ({ event, webhook_id }) => event === "webhook.record_unreadable" && webhook_id === bad.id,
      );
      expect(problem).toBeDefined();

      expect((await service.api("DELETE", `/v1/webhooks/${bad.id}`)).status).toBe(204);
      await register(service, { user_id: owner, url: `${receiver.url}/bad` });
    },
    30_000,
  );
});

test("a webhook's health that holds foreign values is read as no health", async () => {
  const owner = newUser();
  const [text, type] = await Promise.all([
    register(service, { user_id: owner, url: `${scene.receiver().url}/1` }),
    register(service, { user_id: owner, url: `${scene.receiver().url}/2` }),
  ]);
  await scene.redis.hset(keys().health(text.id), {
    last_success_at: "yesterday",
    last_failure_at: "9".repeat(30),
    consecutive_failures: "-1",
  });
  await scene.redis.set(keys().health(type.id), "somebody else's");
  const { webhooks } = await get<{ webhooks: { health: object }[] }>(
    `/v1/webhooks?user_id=${owner}`,
  );
  expect(webhooks.map(({ health }) => health)).toEqual([
    { last_success_at: null, last_failure_at: null, consecutive_failures: 0 },
    { last_success_at: null, last_failure_at: null, consecutive_failures: 0 },
  ]);
});

describe("a key of the wrong type", () => {
  test("is named in a 503, while other owners are served", async () => {
    const [owner, other] = [newUser(), newUser()];
    const key = keys().logs(`user:${owner}`);
    await scene.redis.set(key, "somebody else's");
    const { status, body } = await service.api("GET", `/v1/users/${owner}/logs`);
    expect([status, body["type"]]).toEqual([503, "urn:fluxhook:problem:wrong-type"]);
    expect(body["detail"]).toContain(key);
    expect(await get(`/v1/users/${other}/logs`)).toEqual({ logs: [] });
    const line = await eventually(
      () => service.lines.find(({ event }) => event === "request.wrong_type") ?? null,
    );
    expect(line).toMatchObject({ keys: [key] });
  });

  test("is named if a script needs it, and nothing was pushed", async () => {
    const key = queueKeys(scene.queue).idempotency("k-1");
    await scene.redis.hset(key, "a", "b");
    const pushed = await fetch(`${service.url}/v1/events`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${API_TOKEN}`,
        "content-type": "application/json",
        "idempotency-key": "k-1",
      },
      body: eventFor("u_nobody"),
    });
    expect(pushed.status).toBe(503);
    expect(await pushed.text()).toContain(key);
  });

  test("is not named to a scoped token", async () => {
    const owner = newUser();
    await scene.redis.set(keys().logs(`user:${owner}`), "somebody else's");
    const made = await service.api<{ token: string }>("POST", "/v1/tokens", { user_id: owner });
    const response = await fetch(`${service.url}/v1/users/${owner}/logs`, {
      headers: { authorization: `Bearer ${made.body.token}` },
    });
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain(scene.prefix);
  });
});
