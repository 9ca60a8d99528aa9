// GET /v1/deliveries/… against the receiver's own record: what is shown is what was sent and answered.
import { describe, expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { DIALECT_NAMES } from "../../src/wire/dialects/registry.ts";
import { eventually } from "../support/eventually.ts";
import { hang } from "../support/receiver.ts";
import { register, verifyAll } from "../support/serve-scene.ts";
import { API_TOKEN } from "../support/service.ts";
import { startTcpReceiver } from "../support/tcp-receiver.ts";
import { startTlsReceiver } from "../support/tls-receiver.ts";
import { useService } from "../support/use-scene.ts";

interface InFull {
  webhook_id: string;
  attempt: { outcome: string; reason: string | null; attempt: number; event: string } | null;
  attempts: { delivery_id: string; attempt: number }[];
  request: {
    is_sent: boolean;
    target: string | null;
    headers: { name: string; value: string }[];
    body: string | null;
    body_missing: string | null;
    size: number;
  } | null;
  response: {
    status: number;
    status_text: string;
    headers: { name: string; value: string }[];
    excerpt: string | null;
    excerpt_base64?: string;
    is_cut: boolean;
    size: number;
  } | null;
  timing: Record<string, number | null> | null;
  failure: {
    phase: string | null;
    code: string | null;
    timeout_ms: number | null;
    certificate: { valid_to: string; names: string[] } | null;
  } | null;
  state: string;
  next_attempt_at: string | null;
  remaining_attempts: number | null;
  redeliver: { possible: boolean; why_not: string | null };
}

const { scene, service } = useService();

async function inFull(uuid: string): Promise<InFull> {
  const { status, body } = await service.api<InFull>("GET", `/v1/deliveries/${uuid}`);
  if (status !== 200) throw new Error(`${uuid}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** The newest entry of the owner's log, once there are `count`. */
async function newestOf(owner: string, count = 1) {
  return eventually(async () => {
    const entries = await scene.logOf(owner);
    return entries.length >= count && entries[0]!;
  });
}

/** Records what it gets before anything has parsed it. */
async function rawReceiver() {
  const requests: { line: string; headers: string[]; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", httpVersion, rawHeaders } = request;
      const line = `${method} ${url} HTTP/${httpVersion}`;
      requests.push({ line, headers: rawHeaders, body: Buffer.concat(chunks) });
      response.writeHead(200, { "X-Answer": String(requests.length) });
      response.end(`answer ${requests.length}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const OWNERS = 100;
const PER_OWNER = 10;

test("what is shown of 1,000 requests is what their receiver recorded, byte for byte", async () => {
  await using receiver = await rawReceiver();
  const events: string[] = [];
  for (let n = 0; n < OWNERS; n += 1) {
    const dialect = DIALECT_NAMES[n % DIALECT_NAMES.length]!;
    const headers = { "X-Tenant": `t ${n}` };
    await register(service, {
      user_id: `u_raw${n}`,
      url: `${receiver.url}/in/${n}`,
      dialect,
      headers,
    });
    for (let i = 0; i < PER_OWNER; i += 1) {
      const data = `{"n":${n * PER_OWNER + i}, "big" : 12345678901234567890, "one":1.0,"twice":1,"twice":2,"text":"ü 😀 \\ud83d \\u0000"}`;
      events.push(`{"user_id":"u_raw${n}","event":"file.created","data":${data}}`);
    }
  }
  await scene.push(...events);
  await eventually(() => receiver.requests.length === events.length, { withinMs: 30_000 });
  let compared = 0;
  const seen = new Set<string>();
  for (let n = 0; n < OWNERS; n += 1) {
    await newestOf(`u_raw${n}`, PER_OWNER);
    for (const { delivery_id } of await scene.logOf(`u_raw${n}`)) {
      const { request, response } = await inFull(delivery_id);
      const shown = request!.headers.flatMap(({ name, value }) => [name, value]);
      const body = Buffer.from(request!.body!);
      const got = receiver.requests.find(
        (one) => one.body.equals(body) && one.headers.join("\n") === shown.join("\n"),
      );
      expect(got?.headers).toEqual(shown);
      expect(`POST ${request!.target} HTTP/1.1`).toBe(got!.line);
      expect(request!.size).toBe(got!.body.length);
      const number = String(receiver.requests.indexOf(got!) + 1);
      seen.add(number);
      expect(response).toMatchObject({ status: 200, excerpt: `answer ${number}`, is_cut: false });
      expect(response!.headers).toContainEqual({ name: "X-Answer", value: number });
      compared += 1;
    }
  }
  expect([compared, seen.size]).toEqual([1_000, 1_000]);
}, 120_000);

test("the beginning of a long answer is kept, whole characters of it, and that more of it came", async () => {
  const receiver = scene.receiver(() => new Response("ä".repeat(700), { status: 500 }));
  await register(service, { user_id: "u_long", url: receiver.url, retry_schedule: ["0s"] });
  await scene.push('{"user_id":"u_long","event":"file.created","data":{}}');
  const { response, state, redeliver } = await inFull((await newestOf("u_long")).delivery_id);
  expect(response).toMatchObject({
    status: 500,
    excerpt: "ä".repeat(512),
    is_cut: true,
    size: 1_400,
  });
  expect([state, redeliver]).toEqual(["parked", { possible: true, why_not: null }]);
});

test("an answer announced as longer than what is read still shows its beginning", async () => {
  const receiver = await startTcpReceiver(async (connection) => {
    await connection.request();
    await connection.write("HTTP/1.1 500 Oh no\r\nContent-Length: 900000\r\n\r\n");
    await Bun.sleep(30);
    await connection.write("<h1>".padEnd(5_000, "x"));
  });
  try {
    await register(service, {
      user_id: "u_huge",
      url: `http://127.0.0.1:${receiver.port}/`,
      retry_schedule: ["0s"],
    });
    await scene.push('{"user_id":"u_huge","event":"file.created","data":{}}');
    const { response } = await inFull((await newestOf("u_huge")).delivery_id);
    expect(response).toMatchObject({
      status: 500,
      status_text: "Oh no",
      excerpt: "<h1>".padEnd(1_024, "x"),
      is_cut: true,
    });
  } finally {
    await receiver.stop();
  }
});

test("an answer in chunks is shown without their sizes, one that is not UTF-8 in base64", async () => {
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x41]);
  const receiver = await startTcpReceiver(async (connection) => {
    await connection.request();
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n");
    await connection.write(bytes.subarray(0, 2));
    await connection.write("\r\n2\r\n");
    await connection.write(bytes.subarray(2));
    await connection.write("\r\n0\r\n\r\n");
  });
  try {
    await register(service, { user_id: "u_chunks", url: `http://127.0.0.1:${receiver.port}/` });
    await scene.push('{"user_id":"u_chunks","event":"file.created","data":{}}');
    const { response } = await inFull((await newestOf("u_chunks")).delivery_id);
    expect(response).toMatchObject({
      excerpt: null,
      excerpt_base64: bytes.toString("base64"),
      is_cut: false,
      size: 4,
    });
  } finally {
    await receiver.stop();
  }
});

test("credentials are masked in what was sent, and in what the receiver repeats of it", async () => {
  const secrets = ["pass-canary-1", "query-canary-2", "header-canary-3", "cookie-canary-4"];
  const receiver = scene.receiver(({ path, headers }) => {
    const repeated = `${path} ${headers.get("authorization")} ${headers.get("x-api-key")}`;
    return new Response(`${repeated} ${atob(headers.get("authorization")!.slice(6))}`, {
      headers: { "Set-Cookie": `s=${secrets[3]}`, "X-Path": path },
    });
  });
  const url = `http://user:${secrets[0]}@127.0.0.1:${receiver.port}/in?a=${secrets[1]}`;
  const { secret } = await register(service, {
    user_id: "u_mask",
    url,
    headers: { "X-Api-Key": secrets[2]! },
  });
  await scene.push('{"user_id":"u_mask","event":"file.created","data":{}}');
  const { delivery_id } = await newestOf("u_mask");
  const answer = await fetch(`${service.url}/v1/deliveries/${delivery_id}`, {
    headers: { Authorization: `Bearer ${API_TOKEN}` },
  });
  const text = await answer.text();
  const { request, response } = JSON.parse(text) as InFull;
  expect(request!.target).toBe("/in?***");
  expect(request!.headers).toContainEqual({ name: "X-Api-Key", value: "***" });
  expect(request!.headers).toContainEqual({ name: "Authorization", value: "***" });
  expect(response!.excerpt).toStartWith("/in?*** ");
  const kept = await scene.redis.lrange(
    `${scene.prefix}:kept:${delivery_id.replace("-", "").slice(0, 10)}`,
    0,
    -1,
  );
  expect(kept).toHaveLength(1);
  for (const canary of [...secrets, secret, Buffer.from(`user:${secrets[0]}`).toString("base64")]) {
    expect([canary, text.includes(canary), kept.join("").includes(canary)]).toEqual([
      canary,
      false,
      false,
    ]);
  }
});

test("the attempts of a delivery are shown together, with its state and what happens next", async () => {
  let answer = 503;
  const receiver = scene.receiver(() => new Response(`says ${answer}`, { status: answer }));
  const { id } = await register(service, {
    user_id: "u_next",
    url: receiver.url,
    retry_schedule: ["0s", "1h", "1h", "1h"],
  });
  await scene.push(
    '{"user_id":"u_next","event":"file.created","data":{"big":12345678901234567890}}',
  );
  const first = await newestOf("u_next");
  const waiting = await eventually(async () => {
    const found = await inFull(first.delivery_id);
    return found.state === "scheduled" && found;
  });
  expect(waiting).toMatchObject({
    webhook_id: id,
    remaining_attempts: 3,
    redeliver: { possible: true, why_not: null },
    attempt: { outcome: "retry", reason: "http-503", attempt: 1 },
  });
  expect(Math.abs(Date.parse(waiting.next_attempt_at!) - Date.now() - 3_600_000)).toBeLessThan(
    600_000,
  );
  // The body of a retry is in the schedule.
  expect(waiting.request!.body).toContain('"data":{"big":12345678901234567890}');
  answer = 200;
  await service.api("POST", `/v1/deliveries/${first.delivery_id}/redeliver`);
  const second = await newestOf("u_next", 2);
  const ended = await inFull(first.delivery_id);
  expect(ended).toMatchObject({ state: "ended", next_attempt_at: null, remaining_attempts: null });
  expect(ended.attempts.map(({ delivery_id, attempt }) => [delivery_id, attempt])).toEqual([
    [first.delivery_id, 1],
    [second.delivery_id, 2],
  ]);
  expect(ended.response!.excerpt).toBe("says 503");
  expect((await inFull(second.delivery_id)).response!.excerpt).toBe("says 200");
  expect(ended.request!.body).toBe(receiver.requests[0]!.text);
});

test("an attempt without an answer says in which phase it failed, and the facts of it", async () => {
  const silent = scene.receiver(hang);
  const expired = await startTlsReceiver({ certificate: "expired" });
  const other = await startTlsReceiver({ certificate: "other" });
  try {
    const places: [string, string][] = [
      ["u_hangs", silent.url],
      ["u_expired", `https://127.0.0.1:${expired.port}/`],
      ["u_self", `https://127.0.0.1:${other.port}/`],
      ["u_refused", "http://127.0.0.1:1/"],
      ["u_noname", "https://no-name.invalid/"],
    ];
    for (const [user_id, url] of places) {
      await register(service, { user_id, url, timeout_ms: 1_000, retry_schedule: ["0s"] });
      await scene.push(`{"user_id":"${user_id}","event":"file.created","data":{}}`);
    }
    const of = async (owner: string) => inFull((await newestOf(owner)).delivery_id);
    expect((await of("u_hangs")).failure).toMatchObject({ phase: "response", timeout_ms: 1_000 });
    const { failure, request, response } = await of("u_expired");
    expect(failure).toMatchObject({ phase: "tls", code: "CERT_HAS_EXPIRED" });
    expect(new Date(failure!.certificate!.valid_to).getTime()).toBeLessThan(Date.now());
    expect([request!.is_sent, response]).toEqual([false, null]);
    expect((await of("u_self")).failure?.certificate?.names.length).toBeGreaterThan(0);
    expect((await of("u_refused")).failure).toMatchObject({
      phase: "connect",
      code: "ECONNREFUSED",
    });
    expect((await of("u_noname")).failure).toMatchObject({ phase: "resolve", timeout_ms: null });
  } finally {
    await Promise.all([expired.stop(), other.stop()]);
  }
}, 60_000);

test("the timing has the parts that took time, and none for a connection that was open", async () => {
  const receiver = scene.receiver();
  await register(service, { user_id: "u_time", url: receiver.url });
  await scene.push('{"user_id":"u_time","event":"file.created","data":{}}');
  const first = await inFull((await newestOf("u_time")).delivery_id);
  expect(first.timing).toMatchObject({ slot_ms: 0, resolve_ms: 0, tls_ms: null });
  expect(first.timing!["connect_ms"]).toBeGreaterThanOrEqual(0);
  await scene.push('{"user_id":"u_time","event":"file.created","data":{}}');
  const second = await inFull((await newestOf("u_time", 2)).delivery_id);
  expect(second.timing).toMatchObject({ connect_ms: null, tls_ms: null });
});

test("verify says whether the signatures match the secrets of now", async () => {
  const receiver = scene.receiver();
  const { id } = await register(service, { user_id: "u_verify", url: receiver.url });
  await scene.push(
    '{"user_id":"u_verify","event":"file.created","data":{"big":12345678901234567890}}',
  );
  const { delivery_id } = await newestOf("u_verify");
  const verify = async () => {
    const { status, body } = await service.api<{
      signature_matches: boolean;
      signed_content: string;
      signatures: { header: string; secret: string | null }[];
    }>("POST", `/v1/deliveries/${delivery_id}/verify`);
    expect(status).toBe(200);
    return body;
  };
  const [request] = await receiver.waitFor(1);
  const { headers, text } = request!;
  const prefix = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.`;
  expect(await verify()).toMatchObject({ signature_matches: true, signed_content: prefix + text });
  await service.api("POST", `/v1/webhooks/${id}/rotate-secret`, { grace_hours: 1 });
  expect((await verify()).signatures.map(({ secret }) => secret)).toEqual(["previous", "previous"]);
  await service.api("POST", `/v1/webhooks/${id}/rotate-secret`, { grace_hours: 0 });
  expect(await verify()).toMatchObject({
    signature_matches: false,
    signatures: [{ secret: null }, { secret: null }],
  });
});

test("what curl sends of an attempt is what it sent, with a signature that verifies now", async () => {
  const receiver = scene.receiver(() => new Response(null, { status: 500 }));
  const url = receiver.url.replace("//", "//user:p'w@");
  const { id, secret } = await register(service, {
    user_id: "u_curl",
    url: `${url}/in?a='$(id)'`,
    headers: { "X-Note": "it's `id` $HOME \\", "X-Empty": "" },
    retry_schedule: ["0s"],
  });
  const data = String.raw`{"text":"it's $(id) \\ \n","big":12345678901234567890}`;
  await scene.push(`{"user_id":"u_curl","event":"file.created","data":${data}}`);
  const { delivery_id } = await newestOf("u_curl");
  const { status, body } = await service.api<{ curl: string }>(
    "POST",
    `/v1/deliveries/${delivery_id}/sign`,
  );
  expect(status).toBe(200);
  const shell = Bun.spawn(["sh", "-c", body.curl], { stdout: "ignore", stderr: "ignore" });
  expect(await shell.exited).toBe(0);
  const [first, second] = await receiver.waitFor(2);
  verifyAll(second!, secret);
  expect([second!.path, second!.text]).toEqual([first!.path, first!.text]);
  const own = ({ headers }: typeof first & object) =>
    ["x-note", "x-empty", "authorization", "x-fluxdrop-event", "webhook-id"].map((name) =>
      headers.get(name),
    );
  expect(own(second!)).toEqual(own(first!));
  await service.api("DELETE", `/v1/webhooks/${id}`);
  expect((await service.api("POST", `/v1/deliveries/${delivery_id}/sign`)).status).toBe(410);
});

test("a test is shown in full, and is not redelivered", async () => {
  const receiver = scene.receiver(() => new Response("seen", { status: 418 }));
  const { id } = await register(service, { user_id: "u_test", url: receiver.url });
  const { body } = await service.api<{ attempt: { delivery_id: string } }>(
    "POST",
    `/v1/webhooks/${id}/test`,
  );
  const uuid = body.attempt.delivery_id;
  const shown = await inFull(uuid);
  expect(shown.request!.body).toBe(receiver.requests[0]!.text);
  expect(shown).toMatchObject({
    state: "ended",
    response: { status: 418, excerpt: "seen" },
    redeliver: { possible: false, why_not: "test" },
  });
  const { status } = await service.api("POST", `/v1/deliveries/${uuid}/redeliver`);
  expect(status).toBe(404);
});

test("ten successes do not push a webhook's failures out of sight, and they can be opened and redelivered", async () => {
  const receiver = scene.receiver(({ text }) =>
    text.includes("bad") ? new Response("no", { status: 422 }) : new Response(),
  );
  const other = await register(service, {
    user_id: "u_fails",
    url: `${receiver.url}/other`,
    events: ["never"],
  });
  const { id } = await register(service, {
    user_id: "u_fails",
    url: receiver.url,
    retry_schedule: ["0s"],
  });
  await scene.push(
    '{"user_id":"u_fails","event":"file.created","data":{"bad":12345678901234567890}}',
  );
  const failed = await newestOf("u_fails");
  await scene.push(
    ...Array.from(
      { length: 30 },
      (_, n) => `{"user_id":"u_fails","event":"file.created","data":{"n":${n}}}`,
    ),
  );
  await receiver.waitFor(31);
  await eventually(async () =>
    (await scene.logOf("u_fails")).every(({ delivery_id }) => delivery_id !== failed.delivery_id),
  );
  const list = async (webhook: string) => {
    const { status, body } = await service.api<{
      failures: (InFull & { attempt: { delivery_id: string } })[];
    }>("GET", `/v1/webhooks/${webhook}/failures`);
    expect(status).toBe(200);
    return body.failures;
  };
  const failures = await list(id);
  expect(failures).toHaveLength(1);
  expect(failures[0]).toMatchObject({
    attempt: { delivery_id: failed.delivery_id, reason: "http-422" },
    response: { status: 422, excerpt: "no" },
  });
  expect(failures[0]!.request!.body).toBe(receiver.requests[0]!.text);
  expect(await list(other.id)).toEqual([]);
  const shown = await inFull(failed.delivery_id);
  expect([shown.response!.excerpt, shown.state]).toEqual(["no", "parked"]);
  expect(shown.request!.body).toBe(receiver.requests[0]!.text);
});

test("another owner's attempts, their verification and their failures are unknown", async () => {
  const receiver = scene.receiver(() => new Response("canary", { status: 500 }));
  const { id } = await register(service, { user_id: "u_a", url: receiver.url });
  await scene.push('{"user_id":"u_a","event":"file.created","data":{}}');
  const { delivery_id } = await newestOf("u_a");
  const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", { user_id: "u_b" });
  const as = async (method: string, path: string) => {
    const headers = { Authorization: `Bearer ${body.token}` };
    const answer = await fetch(service.url + path, { method, headers });
    return [answer.status, (await answer.text()).includes("canary")];
  };
  expect(await as("GET", `/v1/deliveries/${delivery_id}`)).toEqual([404, false]);
  expect(await as("POST", `/v1/deliveries/${delivery_id}/verify`)).toEqual([404, false]);
  expect(await as("POST", `/v1/deliveries/${delivery_id}/sign`)).toEqual([404, false]);
  expect(await as("GET", `/v1/webhooks/${id}/failures`)).toEqual([404, false]);
  expect(await as("GET", "/v1/deliveries/nonsense")).toEqual([404, false]);
});

describe("with both settings off", () => {
  const off = useService({ FLUXHOOK_LOG_DETAIL: "0", FLUXHOOK_FAILURES_SIZE: "0" });

  test("nothing is kept of what was sent and answered, the body for redelivering excepted", async () => {
    const receiver = off.scene.receiver(() => new Response("canary answer", { status: 500 }));
    const { id } = await register(off.service, {
      user_id: "u_off",
      url: receiver.url,
      retry_schedule: ["0s"],
    });
    await off.scene.push('{"user_id":"u_off","event":"file.created","data":{}}');
    const { delivery_id } = await eventually(
      async () => (await off.scene.logOf("u_off"))[0] ?? false,
    );
    const { body } = await off.service.api<InFull>("GET", `/v1/deliveries/${delivery_id}`);
    expect(body.request!.body).toBe(receiver.requests[0]!.text);
    expect([body.request!.headers, body.response, body.timing]).toEqual([[], null, null]);
    const failures = await off.service.api("GET", `/v1/webhooks/${id}/failures`);
    expect(failures.body).toEqual({ failures: [] });
    const keys = await off.scene.redis.keys(`${off.scene.prefix}:*`);
    expect(keys.filter((key) => key.includes(":failures:"))).toEqual([]);
    const kept = await off.scene.redis.lrange(
      keys.find((key) => key.includes(":kept:")) ?? "",
      0,
      -1,
    );
    expect(kept.join("")).not.toContain("canary");
  });
});
