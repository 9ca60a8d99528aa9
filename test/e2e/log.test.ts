// The public log: what any service reads with LRANGE, and the API's view of it.
import { expect, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor, numberOf, register } from "../support/serve-scene.ts";
import { useService } from "../support/use-scene.ts";

const { scene, service } = useService();

const SEVEN_DAYS_S = 604_800;

test("a log entry has the fields of the attempt, without query and credentials", async () => {
  const receiver = scene.receiver(() => new Response("thanks", { status: 201 }));
  const address = `127.0.0.1:${receiver.port}`;
  const webhook = await register(service, {
    user_id: "u_fields",
    url: `http://anna:s3cret@${address}/hook/a%20b?key=s3cret`,
  });
  await scene.push(
    `{"user_id":"u_fields","event":"share.linked","id":"evt_1","timestamp":"2020-02-02T02:02:02Z","data":{}}`,
  );
  const [request] = await receiver.waitFor(1);
  const [entry] = await eventually(async () => {
    const entries = await scene.logOf("u_fields");
    return entries.length > 0 && entries;
  });

  expect(entry).toEqual({
    delivery_id: request?.headers.get("x-fluxdrop-delivery") ?? "",
    webhook_id: webhook.id,
    id: "evt_1",
    endpoint: `http://${address}/hook/a%20b`,
    event: "share.linked",
    status_code: 201,
    duration_ms: expect.any(Number),
    attempt: 1,
    outcome: "delivered",
    reason: null,
    next_attempt_at: null,
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
  // The attempt's time, not the event's.
  expect(Date.now() - Date.parse(entry?.timestamp ?? "")).toBeLessThan(60_000);
  expect(Bun.inspect(service.lines)).not.toContain("s3cret");
});

test("a log keeps the newest ten attempts, newest first, for at most seven days", async () => {
  const receiver = scene.receiver();
  await register(service, { user_id: "u_many", url: receiver.url });
  for (let n = 0; n < 12; n++) {
    await scene.push(eventFor("u_many", n));
    await receiver.waitFor(n + 1);
  }
  const key = `${scene.prefix}:logs:u_many`;
  const newestFirst = receiver.requests
    .toSorted((a, b) => numberOf(b) - numberOf(a))
    .map(({ headers }) => headers.get("webhook-id") ?? "");
  await eventually(async () => {
    const entries = await scene.logOf("u_many");
    expect(entries.map(({ id }) => id)).toEqual(newestFirst.slice(0, 10));
  });

  expect(await scene.redis.llen(key)).toBe(10);
  const ttl = await scene.redis.ttl(key);
  expect(ttl).toBeLessThanOrEqual(SEVEN_DAYS_S);
  expect(ttl).toBeGreaterThan(SEVEN_DAYS_S - 3_600);
  const { body } = await service.api("GET", "/v1/users/u_many/logs");
  expect(body).toEqual({ logs: await scene.logOf("u_many") });
});

test("attempts for an organisation's webhooks are only in the organisation's log", async () => {
  const receiver = scene.receiver();
  const webhook = await register(service, { org_id: "o_1", url: receiver.url });
  await scene.push(`{"user_id":"u_member","org_id":"o_1","event":"org.updated","data":{}}`);
  await receiver.waitFor(1);

  const key = `${scene.prefix}:org-logs:o_1`;
  await eventually(() => scene.redis.llen(key));
  const entries = (await scene.redis.lrange(key, 0, 9)).map((text) => JSON.parse(text) as LogEntry);
  expect(entries.map((entry) => entry.webhook_id)).toEqual([webhook.id]);
  expect((await service.api("GET", "/v1/orgs/o_1/logs")).body).toEqual({ logs: entries });
  expect(await scene.redis.exists(`${scene.prefix}:logs:u_member`)).toBe(0);
  expect((await service.api("GET", "/v1/users/u_member/logs")).body).toEqual({ logs: [] });
});

test("an owner's name may contain characters that separate keys", async () => {
  const receiver = scene.receiver();
  const owner = "tenant:7/é*?[x]";
  await register(service, { user_id: owner, url: receiver.url });
  await scene.push(eventFor(owner));
  await receiver.waitFor(1);
  await eventually(() => scene.redis.llen(`${scene.prefix}:logs:${owner}`));
  const { body } = await service.api<{ logs: LogEntry[] }>(
    "GET",
    `/v1/users/${encodeURIComponent(owner)}/logs`,
  );
  expect(body.logs).toHaveLength(1);
});
