// The door on a real socket: what is malformed, too large or too slow is refused there, a token is
// what it says on every replica, and what is public tells nothing.
import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { sendRaw, type RawAnswer } from "../support/raw-http.ts";
import { eventFor } from "../support/serve-scene.ts";
import { recordService } from "../support/service-output.ts";
import { API_TOKEN, runFluxhook } from "../support/service.ts";
import { startTcpReceiver } from "../support/tcp-receiver.ts";
import { useService } from "../support/use-scene.ts";
import { ownValkey, testRedis } from "../support/valkey.ts";

const LONG = process.env.FLUXHOOK_TEST_LONG === "1";
const ORIGIN = "https://app.example.com";

const { scene, service } = useService({ FLUXHOOK_CORS_ORIGINS: ORIGIN });

const HOST = "Host: fluxhook";
const AUTH = `Authorization: Bearer ${API_TOKEN}`;
const JSON_BODY = "Content-Type: application/json";

function head(requestLine: string, ...fields: string[]): string {
  return [requestLine, ...fields, "", ""].join("\r\n");
}

async function answer(...pieces: (string | Uint8Array)[]): Promise<RawAnswer> {
  const outcome = await sendRaw(service.url, pieces);
  if (typeof outcome === "string") throw new Error(`no answer: ${outcome}`);
  return outcome;
}

function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}

describe("a body", () => {
  const post = (path: string, ...fields: string[]) =>
    head(`POST ${path} HTTP/1.1`, HOST, AUTH, JSON_BODY, ...fields);
  const CHUNKED = "Transfer-Encoding: chunked";
  const long = "x".repeat(70_000);

  test("in chunks is read like any other body", async () => {
    const { status } = await answer(
      post("/v1/webhooks", CHUNKED),
      chunk('{"user_id":"u_chunks",'),
      chunk('"url":"https://example.com/"}'),
      "0\r\n\r\n",
    );
    expect(status).toBe(201);
  });

  test.each<[string, string[]]>([
    ["in chunks", [post("/v1/webhooks", CHUNKED), chunk(`{"a":"${long}"}`), "0\r\n\r\n"]],
    ["in chunks that do not end", [post("/v1/webhooks", CHUNKED), chunk(`{"a":"${long}`)]],
    ["by its length", [post("/v1/webhooks", `Content-Length: ${long.length}`), long]],
    ["by its length alone, before it comes", [post("/v1/webhooks", "Content-Length: 99999999")]],
  ])("over the limit, %s, is answered with 413", async (_, pieces) => {
    const { status, body } = await answer(...pieces);
    expect(status).toBe(413);
    expect(JSON.parse(body)).toMatchObject({ type: "urn:fluxhook:problem:too-large" });
  });

  test("is not awaited if the token is wrong", async () => {
    const { status } = await answer(
      head("POST /v1/events HTTP/1.1", HOST, JSON_BODY, "Content-Length: 8000000"),
    );
    expect(status).toBe(401);
  });
});

describe("a malformed request", () => {
  const get = (...fields: string[]) => head("GET /healthz HTTP/1.1", ...fields);
  const post = (...fields: string[]) => head("POST /v1/webhooks HTTP/1.1", HOST, AUTH, ...fields);

  test.each<[string, number, string | Uint8Array]>([
    ["without a Host", 400, get()],
    ["with a Content-Length that is no number", 400, `${post("Content-Length: abc")}abc`],
    ["with a negative Content-Length", 400, `${post("Content-Length: -1")}abc`],
    [
      "with two Content-Lengths",
      400,
      `${post("Content-Length: 2", "Content-Length: 40")}{}GET /smuggled HTTP/1.1\r\n${HOST}\r\n\r\n`,
    ],
    [
      "with Content-Length and Transfer-Encoding (RFC 9112 §6.3)",
      400,
      `${post("Content-Length: 4", "Transfer-Encoding: chunked")}0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n`,
    ],
    ["with an unknown Transfer-Encoding", 400, `${post("Transfer-Encoding: xchunked")}0\r\n\r\n`],
    [
      "with a chunk that has no size",
      400,
      `${post(JSON_BODY, "Transfer-Encoding: chunked")}zz\r\n`,
    ],
    ["with a space before a colon", 400, get(HOST, "X-A : b")],
    ["with a folded field", 400, get(HOST, "X-A: b\r\n c")],
    ["with a NUL in a field", 400, get(HOST, "X-A: b\0c")],
    ["with bare line feeds", 505, `GET /healthz HTTP/1.1\n${HOST}\n\n`],
    ["with an escape sequence in its path", 505, head("GET /\x1b[31m HTTP/1.1", HOST)],
    ["with a field that is too long", 431, get(HOST, `X-A: ${"a".repeat(20_000)}`)],
    ["with a path that is too long", 431, head(`GET /${"a".repeat(20_000)} HTTP/1.1`, HOST)],
    ["with too many fields", 431, get(HOST, ...Array.from({ length: 300 }, () => "X-A: b"))],
    ["in another protocol", 400, new Uint8Array([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 13, 10])],
  ])("%s is refused, and nothing behind it is read", async (_, status, request) => {
    const outcome = await answer(request);
    expect([outcome.status, outcome.head]).toEqual([
      status,
      expect.stringContaining("Connection: close"),
    ]);
    expect(outcome.body).toBe("");
  });

  test.each(["a:99999", "[::z]", "a/b", "a b", "%00", "u:p@a", "\xff", ""])(
    "with the Host %p is answered with 400 on every kind of route",
    async (host) => {
      const fields = [`Host: ${host}`, AUTH, JSON_BODY, "Content-Length: 2"];
      for (const line of [
        "GET /healthz",
        "POST /v1/webhooks",
        "GET /v1/webhooks",
        "GET /nothing",
      ]) {
        const bytes = Buffer.from(`${head(`${line} HTTP/1.1`, ...fields)}{}`, "latin1");
        const { status, body } = await answer(bytes);
        expect([line, status]).toEqual([line, 400]);
        expect(JSON.parse(body)).toMatchObject({ type: "urn:fluxhook:problem:bad-request" });
      }
    },
  );

  test("without a Host is answered in HTTP/1.0, which allows it", async () => {
    expect((await answer(head("GET /healthz HTTP/1.0"))).status).toBe(200);
    expect((await answer(head("GET /readyz?a=%2f HTTP/1.0"))).status).toBe(200);
    expect((await answer(head("GET /xy/v1/rejected HTTP/1.0"))).status).toBe(404);
    expect((await answer(head("GET /v1/rejected HTTP/1.0"))).status).toBe(401);
    expect((await answer(head("GET /v1/webhooks?user_id=u_1 HTTP/1.0", AUTH))).status).toBe(200);
    const { body: scoped } = await service.api("POST", "/v1/tokens", { user_id: "u_http10" });
    const own = `Authorization: Bearer ${String(scoped["token"])}`;
    expect((await answer(head("GET /v1/webhooks HTTP/1.0", own))).status).toBe(200);
    const text = '{"user_id":"u_http10","url":"https://example.com/"}';
    const fields = [AUTH, JSON_BODY, `Content-Length: ${text.length}`];
    expect((await answer(head("POST /v1/webhooks HTTP/1.0", ...fields), text)).status).toBe(201);
  });

  test.skipIf(!LONG)(
    "that never becomes complete is ended by closing its connection",
    async () => {
      const half = [
        "",
        "GET /heal",
        `GET /healthz HTTP/1.1\r\n${HOST}\r\n`,
        post(JSON_BODY, "Content-Length: 10") + "{",
        post(JSON_BODY, "Transfer-Encoding: chunked") + chunk("{"),
      ];
      const outcomes = await Promise.all(
        half.map((pieces) => sendRaw(service.url, pieces, { withinMs: 25_000 })),
      );
      expect(outcomes).toEqual(half.map(() => "closed"));
    },
    40_000,
  );
});

describe("tokens", () => {
  const WRONG = "Authorization: Bearer wrong-token-of-thirty-two-letter";

  test("that are wrong are limited by the client's address, whatever X-Forwarded-For says", async () => {
    const guess = (localAddress: string, n: number) =>
      sendRaw(
        service.url,
        head("GET /v1/rejected HTTP/1.1", HOST, WRONG, `X-Forwarded-For: 198.51.100.${n}`),
        { localAddress },
      );
    const statuses: unknown[] = [];
    for (let n = 0; n < 12; n++) statuses.push(await guess("127.0.0.2", n));
    expect(statuses.slice(0, 10)).toMatchObject(
      Array.from({ length: 10 }, () => ({ status: 401 })),
    );
    expect(statuses.slice(10)).toMatchObject([{ status: 429 }, { status: 429 }]);
    expect(await guess("127.0.0.3", 0)).toMatchObject({ status: 401 });
    const right = head("GET /v1/rejected HTTP/1.1", HOST, AUTH);
    const localAddress = "127.0.0.2";
    expect(await sendRaw(service.url, right, { localAddress })).toMatchObject({ status: 200 });
    await eventually(() => {
      const limited = service.lines.filter(({ event }) => event === "auth.limited");
      expect(limited).toMatchObject([{ address: "127.0.0.2" }]);
    });
  });

  test("scoped to an owner are valid on every replica with the same API token, and on no other", async () => {
    const { body } = await service.api("POST", "/v1/tokens", { user_id: "u_replica" });
    const headers = { authorization: `Bearer ${String(body["token"])}` };
    const replica = await scene.serve();
    const changed = await scene.serve({ FLUXHOOK_API_TOKEN: "another-token-of-thirty-two" });
    const statuses = await Promise.all(
      [service, replica, changed].map(
        async ({ url }) => (await fetch(`${url}/v1/webhooks`, { headers })).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 401]);
  });

  test.each<[string, string, string]>([
    ["none", "", "FLUXHOOK_API_TOKEN is required"],
    ["one of 23 characters", "x".repeat(23), "FLUXHOOK_API_TOKEN must be at least 24 characters"],
    ["one with a space", `${"x".repeat(24)} `, "FLUXHOOK_API_TOKEN must be printable ASCII"],
    ["one with a line feed", `${"x".repeat(24)}\n`, "FLUXHOOK_API_TOKEN must be printable ASCII"],
  ])("the service does not start with %s", async (_, token, complaint) => {
    const { exitCode, stdout, stderr } = await runFluxhook(["serve"], {
      FLUXHOOK_API_TOKEN: token,
      FLUXHOOK_PORT: "0",
    });
    expect([exitCode, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(complaint);
    if (token !== "") expect(stderr).not.toContain(token.trim());
  });
});

test("a browser on another site reads an answer only where its origin is configured", async () => {
  const headers = { authorization: `Bearer ${API_TOKEN}` };
  const allowed = async (origin: string) => {
    const response = await fetch(`${service.url}/v1/rejected`, { headers: { ...headers, origin } });
    return response.headers.get("access-control-allow-origin");
  };
  expect(await allowed(ORIGIN)).toBe(ORIGIN);
  expect(await allowed("https://evil.example")).toBeNull();
});

test("public routes reveal neither the address nor the password of Valkey", async () => {
  const valkey = await ownValkey();
  const { port } = valkey;
  await valkey.stop();
  await using away = await scene.serve(
    {},
    { valkeyUrl: `redis://anna:s3cret-pw@127.0.0.1:${port}`, awaitReady: false },
  );
  for (const path of ["/healthz", "/readyz", "/openapi.json", "/v1/webhooks", "/nothing"]) {
    const text = await (await fetch(away.url + path)).text();
    for (const inside of ["s3cret-pw", "anna", API_TOKEN, scene.prefix]) {
      expect([path, text]).toEqual([path, expect.not.stringContaining(inside)]);
    }
  }
});

describe("log lines", () => {
  const ODD = [
    '\n{"level":"error","event":"forged"}\n',
    '\r\n{"level":"error","event":"forged"}',
    "\x1b[2J\x1b]0;forged\x07",
    "\u2028\u2029\u0085forged",
    "\x9b31mforged",
    "\x00\x08\x7fforged",
    "\ud800forged\udc00",
    '","event":"forged","x":"',
    "\u202eforged\u2066",
  ];
  // eslint-disable-next-line no-control-regex -- control characters are what it looks for
  const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/;

  test("cannot be forged by what producers, clients and receivers send", async () => {
    const valkey = await ownValkey();
    await using recorded = await recordService({ valkeyUrl: valkey.url, prefix: scene.prefix });
    const headers = { authorization: `Bearer ${API_TOKEN}`, "content-type": "application/json" };
    // Receivers: in what they answer, and in the path that they are called at.
    await using receivers = new AsyncDisposableStack();
    const asked: Promise<unknown>[] = [];
    for (const [n, odd] of ODD.entries()) {
      const fields = `Retry-After: ${odd}\r\nLocation: http://${odd}/\r\nX-Odd: ${odd}`;
      const says = [`HTTP/1.1 500 ${odd}\r\n${fields}\r\n\r\n${odd}`, odd];
      for (const text of says) {
        const receiver = receivers.adopt(
          await startTcpReceiver(async (connection) => {
            await connection.request();
            await connection.write(text);
            connection.close();
          }),
          (started) => started.stop(),
        );
        asked.push(receiver.waitForRequest());
        const url = `${receiver.url}/${encodeURIComponent(odd.toWellFormed())}`;
        const description = odd.toWellFormed();
        const webhook = { user_id: `u_${n}`, url, description, retry_schedule: ["0s"] };
        const body = JSON.stringify(webhook);
        const made = await fetch(`${recorded.url}/v1/webhooks`, { method: "POST", headers, body });
        expect(made.status).toBe(201);
      }
    }
    // Producers: in each field of an element, as a field, and as the whole of it.
    const elements = ODD.flatMap((odd) => [
      odd,
      ...["user_id", "event", "id", "timestamp", "traceparent", "data", odd].map((field) =>
        JSON.stringify({ user_id: "u_1", event: "a.b", data: {}, [field]: odd }),
      ),
    ]);
    // One by one: of elements that are rejected together, the log shows but the first.
    const redis = receivers.adopt(await testRedis(valkey.url), (client) => client.disconnect());
    for (const element of [...elements, ...ODD.map((_, n) => eventFor(`u_${n}`))]) {
      await redis.lpush(scene.queue, element);
      await eventually(async () => (await redis.llen(scene.queue)) === 0);
    }
    await Promise.all(asked);
    // Clients: in path, query, header and token; and again when their paths are logged with a 503.
    const ask = async () => {
      for (const odd of ODD) {
        const text = encodeURIComponent(odd.toWellFormed());
        for (const path of [
          `/v1/users/${text}/logs`,
          `/v1/webhooks/wh_${text}`,
          `/v1/users/u_1%2f${text}/logs`,
          `/v1/webhooks?user_id=u_1&x=${text}`,
        ]) {
          await fetch(recorded.url + path, { headers });
        }
        const raw = Buffer.from(odd.replaceAll(/[\r\n\0]/g, " "));
        const token = Buffer.concat([
          Buffer.from("GET /v1/webhooks HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer "),
          raw,
          Buffer.from("\r\n\r\n"),
        ]);
        await sendRaw(recorded.url, token);
      }
    };
    await ask();
    await valkey.stop();
    await eventually(async () => (await fetch(`${recorded.url}/readyz`)).status === 503);
    await ask();
    await eventually(() => recorded.output().includes("request.unavailable"));

    const output = await recorded.stop();
    const lines = output.trimEnd().split("\n");
    expect(lines.filter((line) => line.includes("element.rejected")).length).toBeGreaterThan(20);
    expect(lines.filter((line) => CONTROL.test(line))).toEqual([]);
    const parsed = lines.map((line) => JSON.parse(line) as { event: string });
    expect(parsed.filter(({ event }) => event === "forged")).toEqual([]);
    expect(parsed.every(({ event }) => /^[a-z]+\.[a-z_]+$/.test(event))).toBeTrue();
  });
});
