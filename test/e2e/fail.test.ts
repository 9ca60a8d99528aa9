// Receivers that do not answer as they should: what is logged, and what is never dialled.
import { expect, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { eventually } from "../support/eventually.ts";
import { hang, type Respond } from "../support/receiver.ts";
import { eventFor, openScene, register } from "../support/serve-scene.ts";
import { startTlsReceiver } from "../support/tls-receiver.ts";
import { startTcpReceiver } from "../support/tcp-receiver.ts";
import { useService } from "../support/use-scene.ts";

const { scene, service } = useService();

/** The owner's log, oldest first, once it has as many entries. */
function logOf(owner: string, count: number): Promise<LogEntry[]> {
  return eventually(async () => {
    const entries = await scene.logOf(owner);
    return entries.length >= count && entries.toReversed();
  });
}

test("a redirect is a failure and is not followed", async () => {
  const elsewhere = scene.receiver();
  const statuses = [301, 302, 303, 307, 308];
  const receiver = scene.receiver(
    (_request, index) =>
      new Response(null, { status: statuses[index], headers: { Location: elsewhere.url } }),
  );
  const retry_schedule = statuses.map(() => "0s");
  await register(service, { user_id: "u_moved", url: receiver.url, retry_schedule });
  await register(service, { user_id: "u_elsewhere", url: elsewhere.url });
  await scene.push(eventFor("u_moved"));
  const entries = await logOf("u_moved", 5);
  await scene.push(eventFor("u_elsewhere", 7));
  await elsewhere.waitFor(1);

  expect(entries.map(({ status_code }) => status_code)).toEqual(statuses);
  expect(entries.map(({ reason }) => reason)).toEqual(statuses.map((code) => `http-${code}`));
  expect(elsewhere.requests.map(({ text }) => text.includes('"n":7'))).toEqual([true]);
});

test("a failure is retried on the schedule: same body and id, new UUID and signature time", async () => {
  const answers = [500, 404, 200];
  const receiver = scene.receiver(
    (_request, index) => new Response("", { status: answers[index] }),
  );
  const retry_schedule = ["0s", "0s", "0s", "0s"];
  await register(service, { user_id: "u_again", url: receiver.url, retry_schedule });
  await scene.push(`{"user_id":"u_again","event":"file.created","data":{"n":1.0}}`);
  const entries = await logOf("u_again", 3);

  expect(entries.map(({ attempt, outcome, reason }) => [attempt, outcome, reason])).toEqual([
    [1, "retry", "http-500"],
    [2, "retry", "http-404"],
    [3, "delivered", null],
  ]);
  const { requests } = receiver;
  expect(new Set(requests.map(({ text }) => text)).size).toBe(1);
  expect(new Set(requests.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
  const uuids = requests.map(({ headers }) => headers.get("x-fluxdrop-delivery") ?? "");
  expect(new Set(uuids).size).toBe(3);
  expect(entries.map(({ delivery_id }) => delivery_id)).toEqual(uuids);
});

test("the second attempt of the default schedule is due a minute after the first ended", async () => {
  const receiver = scene.receiver(() => new Response(null, { status: 503 }));
  await register(service, { user_id: "u_later", url: receiver.url });
  await scene.push(eventFor("u_later"));
  const [entry] = await logOf("u_later", 1);

  expect(entry).toMatchObject({ outcome: "retry", attempt: 1, status_code: 503 });
  const endedAt = Date.parse(entry?.timestamp ?? "") + (entry?.duration_ms ?? 0);
  const delayMs = Date.parse(entry?.next_attempt_at ?? "") - endedAt;
  // Up to a tenth of jitter, never earlier; a millisecond for rounding both ways.
  expect(delayMs).toBeGreaterThanOrEqual(60_000 - 1);
  expect(delayMs).toBeLessThanOrEqual(66_000 + 1);
});

const broken = async () => {
  const receiver = await startTcpReceiver(async (connection) => {
    await connection.request();
    connection.reset();
  });
  return { url: receiver.url, end: () => receiver.stop() };
};
const gone = async () => {
  const receiver = await startTcpReceiver();
  await receiver.stop();
  return { url: receiver.url, end: () => Promise.resolve() };
};
const answering = (respond: Respond) => () => {
  const { url } = scene.receiver(respond);
  return Promise.resolve({ url, end: () => Promise.resolve() });
};

test.each([
  ["hangs", "timeout", null, answering(hang)],
  ["refuses connections", "connection-refused", null, gone],
  ["resets connections", "connection-reset", null, broken],
  ["says 400", "http-400", 400, answering(() => new Response(null, { status: 400 }))],
  ["says 410", "gone", 410, answering(() => new Response(null, { status: 410 }))],
] as const)("a receiver that %s: %s", async (how, reason, statusCode, open) => {
  const owner = `u_${how.replaceAll(" ", "_")}`;
  const { url, end } = await open();
  await register(service, { user_id: owner, url, timeout_ms: 300, retry_schedule: ["0s"] });
  await scene.push(eventFor(owner));
  const [entry] = await logOf(owner, 1);
  await end();

  expect(entry).toMatchObject({
    outcome: "parked",
    reason,
    status_code: statusCode,
    next_attempt_at: null,
  });
  // At least the time-out, which is the webhook's own and not the ten seconds of its dialect.
  if (reason === "timeout") expect(entry?.duration_ms).toBeGreaterThanOrEqual(300);
  if (reason === "timeout") expect(entry?.duration_ms).toBeLessThan(5_000);
});

test("a private CA is trusted if FLUXHOOK_EGRESS_CA names it; otherwise the log names the fault", async () => {
  await using other = await openScene();
  const receiver = await startTlsReceiver({ certificate: "localhost" });
  const url = `https://127.0.0.1:${receiver.port}/hook`;
  const settings = { SSL_CERT_FILE: "/nowhere", SSL_CERT_DIR: "/nowhere" };
  const reasons: (string | null)[] = [];
  for (const ca of ["", new URL("../support/certificates/ca.pem", import.meta.url).pathname]) {
    const owner = `u_${reasons.length}`;
    const process = await other.serve({ ...settings, FLUXHOOK_EGRESS_CA: ca });
    await register(process, { user_id: owner, url, retry_schedule: ["0s"] });
    await other.push(eventFor(owner));
    const [entry] = await eventually(async () => {
      const found = await other.logOf(owner);
      return found.length > 0 && found;
    });
    reasons.push(entry?.reason ?? null);
    await process.stop();
  }
  await receiver.stop();
  expect(reasons).toEqual(["tls-untrusted", null]);
});

test.each([
  ["a public host", "https://user:s3cret@other.example:8443/hook?token=s3cret", "other.example"],
  ["an internal host", "https://vault.internal/", undefined],
])("a redirect to %s is logged and not followed", async (where, location, redirectHost) => {
  const owner = `u_to_${where.replaceAll(" ", "_")}`;
  const answer = () => new Response(null, { status: 307, headers: { location } });
  const { url } = scene.receiver(answer);
  await register(service, { user_id: owner, url, retry_schedule: ["0s"] });
  await scene.push(eventFor(owner));
  const [entry] = await logOf(owner, 1);
  expect(entry).toMatchObject({ outcome: "parked", reason: "http-307", status_code: 307 });
  expect(entry?.redirect_host).toBe(redirectHost);
  expect(JSON.stringify(entry)).not.toContain("s3cret");
  const { body } = await service.api<{ logs: unknown[] }>("GET", `/v1/users/${owner}/logs`);
  expect(body.logs).toEqual([entry]);
});

test("a delivery to an address that the guard denies is parked at once, and the address is never dialled", async () => {
  await using other = await openScene();
  // Saved while it was allowed; the setting has changed since.
  const open = await other.serve();
  const receiver = await startTcpReceiver();
  const urls = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"].map(
    (host) => `http://${host}:${receiver.port}/hook?token=s3cret`,
  );
  for (const url of urls) await register(open, { user_id: "u_guarded", url });
  await open.stop();
  await other.serve({ FLUXHOOK_EGRESS_ALLOW: "" });
  await other.push(eventFor("u_guarded"));
  const entries = await eventually(async () => {
    const found = await other.logOf("u_guarded");
    return found.length === urls.length && found;
  });
  await receiver.stop();

  for (const entry of entries) {
    expect(entry).toMatchObject({
      outcome: "parked",
      reason: "blocked-address",
      status_code: null,
      next_attempt_at: null,
      attempt: 1,
    });
  }
  expect(receiver.connections).toHaveLength(0);
});

test("a webhook that hangs does not hold up another owner's", async () => {
  const stuck = scene.receiver(hang);
  const swift = scene.receiver();
  await register(service, { user_id: "u_stuck", url: stuck.url, timeout_ms: 30_000 });
  await register(service, { user_id: "u_swift", url: swift.url });
  await scene.push(
    ...Array.from({ length: 2_000 }, (_, n) => eventFor("u_stuck", n)),
    ...Array.from({ length: 50 }, (_, n) => eventFor("u_swift", n)),
  );
  await swift.waitFor(50);

  expect(await scene.logOf("u_stuck")).toEqual([]);
});
