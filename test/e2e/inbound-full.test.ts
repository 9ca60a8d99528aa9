// Valkey reaches its memory limit while executions run: what was accepted goes on, what cannot be accepted is
// refused so that the sender sends it again, and nothing has to be restarted afterwards.
import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { inboundKeys, queueKeys } from "../../src/valkey/keys.ts";
import { eventually } from "../support/eventually.ts";
import { startReceiver } from "../support/receiver.ts";
import { startServiceProcess } from "../support/service.ts";
import { freshPrefix, ownValkey, testRedis } from "../support/valkey.ts";

const SECRET = "the-secret";
const EXECUTIONS = 40;

test("at Valkey's memory limit accepted executions end, the sender is answered 503, and later all is accepted", async () => {
  await using stack = new AsyncDisposableStack();
  const valkey = stack.adopt(await ownValkey(), (one) => one.stop());
  const redis = stack.adopt(await testRedis(valkey.url), (one) => one.disconnect());
  const released = Promise.withResolvers<void>();
  const api = stack.adopt(
    startReceiver(async () => {
      await released.promise;
      return Response.json({ done: true });
    }),
    (one) => one.stop(),
  );
  const prefix = freshPrefix();
  const service = stack.use(await startServiceProcess({ valkeyUrl: valkey.url, prefix }));
  const keys = inboundKeys(prefix);
  const created = await service.api("POST", "/v1/workflows", {
    id: "full",
    name: "Full",
    trigger: { secret: SECRET },
    nodes: [
      { id: "before", type: "http", method: "POST", url: api.url },
      { id: "tell", type: "event", user_id: "u_1", event: "order.done", data: { n: 1 } },
      { id: "task", type: "task", task: "resize", timeout_ms: 60_000 },
      { id: "after", type: "http", method: "POST", url: api.url },
    ],
  });
  expect(created.status).toBe(201);
  const post = (n: number) => {
    const body = JSON.stringify({ n });
    return fetch(`${service.url}/api/webhooks/full`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-webhook-signature": createHmac("sha256", SECRET).update(body).digest("hex"),
        "idempotency-key": `n-${n}`,
      },
      body,
    });
  };
  await eventually(async () => (await post(0)).status === 200);
  const ids: string[] = [];
  for (let n = 0; n < EXECUTIONS; n += 1) {
    const response = await post(n);
    expect(response.status).toBe(200);
    ids.push(((await response.json()) as { executionId: string }).executionId);
  }
  // A workflow begins with eight slots.
  await api.waitFor(8);

  // Full, with executions in the middle of their first node, and others on the list.
  await redis.config("SET", "maxmemory", 1);
  const refused = await post(EXECUTIONS);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await refused.json()).toMatchObject({ status: 503 });
  released.resolve();
  // The results of the nodes in hand are stored all the same; the event cannot be pushed, so it is tried again.
  await eventually(async () => {
    const results = await Promise.all(
      ids.map((id) => redis.hexists(keys.execution(id), "n:before")),
    );
    return results.every((found) => found === 1);
  });
  await eventually(async () => (await service.api("GET", "/readyz")).status !== 500);
  expect(await redis.llen(keys.tasks("resize"))).toBe(0);

  // Room again: everything goes on by itself.
  await redis.config("SET", "maxmemory", 0);
  const late = await eventually(async () => {
    const response = await post(EXECUTIONS);
    return response.status === 200 && response;
  });
  ids.push(((await late.json()) as { executionId: string }).executionId);
  await eventually(async () => (await redis.llen(keys.tasks("resize"))) === ids.length, {
    withinMs: 25_000,
  });
  const answers = (await redis.lrange(keys.tasks("resize"), 0, -1)).map((task) => {
    const { id } = JSON.parse(task) as { id: string };
    return JSON.stringify({ id, output: 1 });
  });
  await redis.rpush(keys.answers, ...answers);
  await eventually(
    async () => {
      const states = await Promise.all(ids.map((id) => redis.hget(keys.execution(id), "state")));
      return states.every((state) => state === "finished");
    },
    { withinMs: 25_000 },
  );
  expect(new Set(ids).size).toBe(EXECUTIONS + 1);
  // Each node with an effect once: nothing was in hand when a process ended.
  expect(api.requests).toHaveLength(2 * ids.length);
  const { base } = queueKeys(keys.queue);
  const left = [
    await redis.llen(keys.queue),
    await redis.llen(`${base}:ready`),
    await redis.zcard(`${base}:schedule`),
    await redis.zcard(`${base}:lanes`),
    await redis.hlen(keys.revisionUses),
  ];
  expect(left).toEqual([0, 0, 0, 0, 0]);
}, 90_000);
