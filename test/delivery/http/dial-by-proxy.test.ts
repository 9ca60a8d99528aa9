import { afterEach, describe, expect, test } from "bun:test";
import { Deadline } from "../../../src/deadline.ts";
import type { FailureReason } from "../../../src/delivery/http/failure.ts";
import { createProxyDial } from "../../../src/delivery/http/dial-by-proxy.ts";
import { createResolver } from "../../../src/delivery/guard/resolve.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";
import { testAuthority } from "../../support/certificates.ts";
import {
  startProxyServer,
  WAIT,
  type ProxyOptions,
  type ProxyServer,
} from "../../support/proxy-server.ts";
import { silence } from "../../support/silent-address.ts";
import { startReceiver } from "../../support/receiver.ts";
import { startTcpReceiver, type Behave } from "../../support/tcp-receiver.ts";
import { startTlsReceiver, type TlsReceiverOptions } from "../../support/tls-receiver.ts";
import { flood } from "../../support/hostile-receiver.ts";
import { LOOPBACK, LOOPBACK_V6, sendTo, type SendOptions } from "../attempt.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function proxyServer(options?: ProxyOptions): Promise<ProxyServer> {
  const started = await startProxyServer(options);
  stops.push(() => started.stop());
  return started;
}

async function tlsReceiver(options?: Partial<TlsReceiverOptions>) {
  const started = await startTlsReceiver({ certificate: "receiver", ...options });
  stops.push(() => started.stop());
  return started;
}

async function tcpReceiver(behave?: Behave) {
  const started = await startTcpReceiver(behave);
  stops.push(() => started.stop());
  return started;
}

function setEnvironment(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  stops.push(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

const withPassword = ({ url }: ProxyServer) => url.replace("//", "//user:p%40ss@");
const PASSWORD = /p@ss|p%40ss|dXNlcjpwQHNz/;

describe("https", () => {
  test("https is tunnelled to the approved address, not to the name", async () => {
    const { port } = await tlsReceiver();
    const proxy = await proxyServer();
    const answer = await sendTo(`https://receiver.test:${port}/`, {
      proxy: proxy.url,
      ca: testAuthority,
    });
    expect(answer).toMatchObject({ status: 204, retryAfter: `receiver.test:${port}` });
    expect(proxy.requests.map(({ authority }) => authority)).toEqual([`127.0.0.1:${port}`]);
  });

  const wrong = [
    ["other", "tls-wrong-name"],
    ["expired", "tls-expired"],
    ["self-signed", "tls-untrusted"],
    ["strange", "tls-untrusted"],
    ["client-only", "tls"],
  ] as const;
  test.each(wrong)("a certificate is checked behind the proxy: %s is %s", async (name, reason) => {
    const receiver = await tlsReceiver({ certificate: name });
    const proxy = await proxyServer();
    const answer = await sendTo(`https://receiver.test:${receiver.port}/`, {
      proxy: proxy.url,
      ca: testAuthority,
    });
    expect(answer).toHaveProperty("reason", reason);
    expect(receiver.requests).toEqual([]);
  });

  test("two names at one address get a tunnel each", async () => {
    const receiver = await tlsReceiver({ named: { "other.test": "other" } });
    const proxy = await proxyServer();
    const names = Array.from({ length: 100 }, (_, i) => (i % 2 ? "other.test" : "receiver.test"));
    await Promise.all(
      names.map((name) =>
        sendTo(`https://${name}:${receiver.port}/`, { proxy: proxy.url, ca: testAuthority }),
      ),
    );
    expect(receiver.requests).toHaveLength(100);
    for (const { serverName, host } of receiver.requests) {
      expect(host).toBe(`${serverName}:${receiver.port}`);
    }
  });

  test("https may go through a proxy that uses TLS itself", async () => {
    const { port } = await tlsReceiver();
    const proxy = await proxyServer({ certificate: "localhost" });
    const options = { proxy: withPassword(proxy), ca: testAuthority };
    expect(await sendTo(`https://receiver.test:${port}/`, options)).toHaveProperty("status", 204);
    expect(proxy.requests).toHaveLength(1);
  });
});

describe("plain http", () => {
  test("plain http is tunnelled, with the webhook's host and the exact bytes", async () => {
    const { port, requests } = startReceiverHere();
    const proxy = await proxyServer();
    const body = `{"n":12345678901234567890}`;
    await sendTo(`http://receiver.test:${port}/a%20b?q=%2F`, {
      proxy: proxy.url,
      headers: { "X-A": "1", "content-length": "3", connection: "keep-alive" },
      body,
    });
    expect(proxy.requests.map(({ authority }) => authority)).toEqual([`127.0.0.1:${port}`]);
    const [{ method, path, text, headers }] = requests as [(typeof requests)[0]];
    expect(`${method} ${path} ${text}`).toBe(`POST /a%20b?q=%2F ${body}`);
    expect(headers.get("host")).toBe(`receiver.test:${port}`);
    expect(headers.get("x-a")).toBe("1");
    expect(headers.get("connection")).toBe("keep-alive");
    expect(headers.get("content-length")).toBe(String(body.length));
  });

  test("CONNECT always names the port, for port 80 and IPv6 too", async () => {
    const proxy = await proxyServer({ says: () => "HTTP/1.1 403 Forbidden\r\n\r\n" });
    for (const address of [LOOPBACK, LOOPBACK_V6]) {
      await sendTo("http://receiver.test/", { proxy: proxy.url, addresses: [address] });
    }
    expect(proxy.requests.map(({ authority }) => authority)).toEqual(["127.0.0.1:80", "[::1]:80"]);
  });

  test("plain http may go through a proxy that uses TLS itself", async () => {
    const { port, requests } = startReceiverHere();
    const proxy = await proxyServer({ certificate: "localhost" });
    await sendTo(`http://receiver.test:${port}/`, { proxy: proxy.url, ca: testAuthority });
    expect(requests).toHaveLength(1);
    expect(proxy.requests).toHaveLength(1);
  });

  const answers: [claim: string, says: string, status: number, drain: string][] = [
    ["no body", "HTTP/1.1 204 No Content\r\n\r\n", 204, "ended"],
    [
      "no body by its status",
      "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
      205,
      "ended",
    ],
    ["an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "ended"],
    ["a short body", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", 500, "ended"],
    ["a redirect", "HTTP/1.1 302 F\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 302, "ended"],
    ["a body that stops", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 200, "unfinished"],
    ["no length and no end", `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(40_000)}`, 200, "too-long"],
  ];
  test.each(answers)(
    "a response with %s arrives through the tunnel",
    async (_, says, status, drain) => {
      const receiver = await tcpReceiver(async (connection) => {
        await connection.request();
        await connection.write(says);
      });
      const proxy = await proxyServer();
      const answer = await sendTo(receiver.url, { proxy: proxy.url });
      if (answer.kind !== "response") throw new Error(`no response: ${answer.reason}`);
      expect(answer.status).toBe(status);
      expect(await answer.drained).toBe(drain as Awaited<typeof answer.drained>);
      if (drain === "ended") {
        // The tunnel is kept for the next request.
        const next = sendTo(receiver.url, { proxy: proxy.url });
        await receiver.waitForRequest();
        await receiver.waitForRequest();
        expect(proxy.requests).toHaveLength(1);
        receiver.connections[0]?.close();
        await next;
      }
      await proxy.requests[0]?.closed;
      await receiver.connections[0]?.closed;
    },
  );

  const failures: [claim: string, behave: Behave, reason: FailureReason, code: string | null][] = [
    ["never answers", () => {}, "timeout", null],
    [
      "closes after the request",
      async (connection) => {
        await connection.request();
        connection.close();
      },
      "connection-reset",
      "ECONNRESET",
    ],
    [
      "sends headers without end",
      async (connection) => {
        await connection.request();
        await connection.write("HTTP/1.1 200 OK\r\n");
        await flood(connection, (n) => `X-${n}: ${"x".repeat(1_000)}\r\n`);
      },
      "bad-response",
      "head-too-large",
    ],
    [
      "sends 1xx without end",
      async (connection) => {
        await connection.request();
        await flood(connection, () => "HTTP/1.1 103 Early Hints\r\n\r\n");
      },
      "timeout",
      null,
    ],
    [
      "speaks SSH",
      async (connection) => {
        await connection.request();
        await connection.write("SSH-2.0-OpenSSH\r\n\r\n");
      },
      "bad-response",
      "malformed-response",
    ],
    [
      "switches protocols",
      async (connection) => {
        await connection.request();
        await connection.write(
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        );
      },
      "bad-response",
      "unrequested-upgrade",
    ],
  ];
  test.each(failures)(
    "names the failure of a receiver behind the proxy that %s",
    async (_, behave, reason, code) => {
      const receiver = await tcpReceiver(behave);
      const proxy = await proxyServer();
      const answer = await sendTo(receiver.url, { proxy: proxy.url, timeoutMs: 300 });
      expect(answer).toEqual({ kind: "failure", reason, code });
      await proxy.requests[0]?.closed;
      await receiver.connections[0]?.closed;
    },
  );
});

describe("the proxy's credentials", () => {
  test("the proxy's credentials are sent to the proxy and to no receiver", async () => {
    const plain = startReceiverHere();
    const secure = await tcpReceiver();
    const proxy = await proxyServer();
    const options = { proxy: withPassword(proxy), timeoutMs: 300 };
    await sendTo(plain.url, options);
    await sendTo(secure.url.replace("http:", "https:"), options);
    expect(proxy.requests).toHaveLength(2);
    for (const { head } of proxy.requests) {
      expect(head).toContain("Proxy-Authorization: Basic dXNlcjpwQHNz");
    }
    expect(plain.requests[0]?.headers.has("proxy-authorization")).toBe(false);
    expect(plain.requests[0]?.headers.has("authorization")).toBe(false);
    expect(Buffer.from(secure.connections[0]?.received ?? []).toString("latin1")).not.toMatch(
      PASSWORD,
    );
  });

  test("the proxy's credentials are not sent to a proxy with a wrong certificate", async () => {
    const proxy = await proxyServer({ certificate: "receiver" });
    for (const url of ["https://receiver.test/", "http://receiver.test/"]) {
      const answer = await sendTo(url, { proxy: withPassword(proxy), ca: testAuthority });
      expect(answer.kind).toBe("failure");
    }
    expect(proxy.requests).toEqual([]);
  });

  test("the proxy's credentials are in no failure and in no error", async () => {
    const refusing = await proxyServer({
      says: () => "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
    });
    for (const url of ["https://receiver.test/", "http://receiver.test/"]) {
      const answer = await sendTo(url, { proxy: withPassword(refusing) });
      expect(JSON.stringify(answer)).not.toMatch(PASSWORD);
      const thrown = await sendTo(url, {
        proxy: withPassword(refusing),
        headers: { "X-A": "a\r\nb: c" },
      }).catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(Error);
      expect(Bun.inspect(thrown)).not.toMatch(PASSWORD);
    }
  });
});

describe("the answer to CONNECT", () => {
  const says = (bytes: string): ProxyOptions => ({ says: () => bytes });
  const refusals: [claim: string, options: ProxyOptions, code: string][] = [
    ["wants credentials", says("HTTP/1.1 407 Authentication\r\n\r\n"), "status-407"],
    ["forbids it", says("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"), "status-403"],
    ["does not understand it", says("HTTP/1.1 400 Bad Request\r\n\r\n"), "status-400"],
    ["fails itself", says("HTTP/1.1 500 Internal Server Error\r\n\r\n"), "status-500"],
  ];
  const unreachable: typeof refusals = [
    ["cannot reach the address", {}, "status-502"],
    ["is refused by the receiver", says("HTTP/1.1 503 Unavailable\r\n\r\n"), "status-503"],
    [
      "times out waiting for the receiver",
      says("HTTP/1.1 504 Gateway Timeout\r\n\r\n"),
      "status-504",
    ],
  ];
  for (const scheme of ["http", "https"]) {
    test.each(refusals)(
      `blames the operator for a proxy that %s, for ${scheme}`,
      async (_, options, code) => {
        const proxy = await proxyServer(options);
        const answer = await sendTo(`${scheme}://receiver.test:1/`, { proxy: proxy.url });
        expect(answer).toEqual({ kind: "failure", reason: "proxy", code, isOurs: true });
        await proxy.requests[0]?.closed;
      },
    );

    test.each(unreachable)(
      `blames the receiver for a proxy that %s, for ${scheme}`,
      async (_, options, code) => {
        const proxy = await proxyServer(options);
        const answer = await sendTo(`${scheme}://receiver.test:1/`, { proxy: proxy.url });
        expect(answer).toEqual({ kind: "failure", reason: "receiver-unreachable", code });
        await proxy.requests[0]?.closed;
      },
    );

    test(`blames the operator for a proxy that does not listen, for ${scheme}`, async () => {
      const proxy = await startProxyServer();
      await proxy.stop();
      const options: SendOptions = { proxy: proxy.url, addresses: [LOOPBACK, LOOPBACK] };
      expect(await sendTo(`${scheme}://receiver.test:1/`, options)).toEqual({
        kind: "failure",
        reason: "proxy",
        code: "ECONNREFUSED",
        isOurs: true,
      });
    });

    test(`blames the operator for a proxy whose name does not resolve, for ${scheme}`, async () => {
      const proxy = "http://proxy.invalid:3128";
      expect(await sendTo(`${scheme}://receiver.test:1/`, { proxy })).toMatchObject({
        kind: "failure",
        reason: "proxy",
        isOurs: true,
      });
    });

    test(`is proxy-timeout for a silent proxy, for ${scheme}`, async () => {
      const proxy = await proxyServer({ isSilent: true });
      const answer = await sendTo(`${scheme}://receiver.test:1/`, {
        proxy: proxy.url,
        timeoutMs: 200,
      });
      expect(answer).toEqual({
        kind: "failure",
        reason: "proxy-timeout",
        code: null,
        isOurs: true,
      });
      await proxy.requests[0]?.closed;
    });

    test(`blames the operator for a proxy that drops SYNs, for ${scheme}`, async () => {
      const proxy = await proxyServer();
      await using _ = await silence("127.0.0.9", proxy.port);
      const answer = await sendTo(`${scheme}://receiver.test:1/`, {
        proxy: `http://127.0.0.9:${proxy.port}`,
        timeoutMs: 200,
      });
      expect(answer).toEqual({ kind: "failure", reason: "proxy", code: "ETIMEDOUT", isOurs: true });
    });

    test(`may follow interim answers, for ${scheme}`, async () => {
      const proxy = await proxyServer({
        before: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
      });
      const { port } = scheme === "https" ? await tlsReceiver() : startReceiverHere();
      const answer = await sendTo(`${scheme}://receiver.test:${port}/`, {
        proxy: proxy.url,
        ca: testAuthority,
      });
      expect(answer).toHaveProperty("status", 204);
    });

    test(`is awaited for the next address if there is none for the first, for ${scheme}`, async () => {
      const proxy = await proxyServer({
        says: (authority) => (authority.startsWith("127.0.0.2:") ? WAIT : null),
      });
      const { port } = scheme === "https" ? await tlsReceiver() : startReceiverHere();
      const options: SendOptions = {
        proxy: proxy.url,
        ca: testAuthority,
        addresses: [{ address: "127.0.0.2", family: 4 }, LOOPBACK],
      };
      const url = `${scheme}://receiver.test:${port}/`;
      expect(await sendTo(url, options)).toHaveProperty("status", 204);
      await proxy.requests[0]?.closed;
      // Guarantee 7: CONNECT has approved addresses only, and no name.
      expect(proxy.requests.map(({ authority }) => authority)).toEqual([
        `127.0.0.2:${port}`,
        `127.0.0.1:${port}`,
      ]);
    });

    test(`is awaited for the next address after a refusal, for ${scheme}`, async () => {
      const proxy = await proxyServer({
        says: (authority) => (authority.startsWith("[") ? "HTTP/1.1 502 Bad\r\n\r\n" : null),
      });
      const { port } = scheme === "https" ? await tlsReceiver() : startReceiverHere();
      const answer = await sendTo(`${scheme}://receiver.test:${port}/`, {
        proxy: proxy.url,
        ca: testAuthority,
        addresses: [LOOPBACK_V6, LOOPBACK],
      });
      expect(answer).toHaveProperty("status", 204);
    });
  }

  test("is head-too-large for endless interim answers", async () => {
    const proxy = await tcpReceiver(async (connection) => {
      await connection.request();
      await flood(connection, () => "HTTP/1.1 100 Continue\r\n\r\n");
    });
    expect(await sendTo("http://receiver.test/", { proxy: proxy.url })).toEqual({
      kind: "failure",
      reason: "proxy",
      code: "head-too-large",
      isOurs: true,
    });
    await proxy.connections[0]?.closed;
  });

  test("opens the tunnel even if the 200 has framing headers (RFC 9110 §9.3.6)", async () => {
    const proxy = await proxyServer({
      tunnelHead: "HTTP/1.0 200 OK\r\nContent-Length: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    });
    const { url } = startReceiverHere();
    expect(await sendTo(url, { proxy: proxy.url })).toHaveProperty("status", 204);
  });

  const nonsense = [
    ["closes", ""],
    ["switches protocols", "HTTP/1.1 101 Switching Protocols\r\n\r\n"],
    ["is not a proxy", "SSH-2.0-OpenSSH\r\n\r\n"],
    ["answers in place of the receiver", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"],
  ] as const;
  test.each(nonsense)("opens no tunnel if the proxy %s", async (_, bytes) => {
    const proxy = await proxyServer(says(bytes));
    for (const url of ["http://receiver.test/", "https://receiver.test/"]) {
      expect(await sendTo(url, { proxy: proxy.url })).toHaveProperty("reason", "proxy");
    }
  });

  test("does not come from a proxy of the environment, and NO_PROXY exempts nothing", async () => {
    const proxy = await proxyServer();
    const environments = await proxyServer();
    for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
      setEnvironment(name, environments.url);
    }
    setEnvironment("NO_PROXY", "*");
    const secure = await tlsReceiver();
    const plain = startReceiverHere();
    for (const url of [`https://receiver.test:${secure.port}/`, plain.url]) {
      const options = { ca: testAuthority };
      expect(await sendTo(url, { ...options, proxy: proxy.url })).toHaveProperty("status", 204);
    }
    expect(proxy.requests).toHaveLength(2);
    expect(environments.requests).toEqual([]);
  });
});

function startReceiverHere() {
  const started = startReceiver();
  stops.push(() => started.stop());
  return started;
}

describe("a missing answer to CONNECT", () => {
  async function dialThrough(proxy: ProxyServer, clock: { nowMs: number }) {
    const dial = createProxyDial(proxy.url, undefined, { nowMs: () => clock.nowMs });
    return async (port: number) => {
      const deadline = new Deadline(150);
      const result = await dial(readTarget(`http://receiver.test:${port}/`)!, LOOPBACK, deadline);
      deadline.clear();
      if ("kind" in result) return result;
      result.destroy();
      return null;
    };
  }

  test("a missing answer to CONNECT blames the webhook if the proxy answered another CONNECT within a minute", async () => {
    const answers: Record<string, string | null> = {
      "127.0.0.1:1": WAIT,
      "127.0.0.1:2": "HTTP/1.1 502 Bad Gateway\r\n\r\n",
    };
    const proxy = await proxyServer({ says: (authority) => answers[authority] ?? null });
    const clock = { nowMs: 1_000 };
    const dial = await dialThrough(proxy, clock);
    const timedOut = { kind: "failure", reason: "proxy-timeout", code: null } as const;
    // It is not known yet whether this proxy works.
    expect(await dial(1)).toEqual({ ...timedOut, isOurs: true });
    expect(await dial(2)).toHaveProperty("reason", "receiver-unreachable");
    clock.nowMs += 60_000;
    expect(await dial(1)).toEqual({ ...timedOut, isOurs: false });
    clock.nowMs += 1;
    expect(await dial(1)).toEqual({ ...timedOut, isOurs: true });
  });
});

describe("a proxy whose name has several addresses", () => {
  test("a proxy with several addresses is reached at the one that connects, and next time at once", async () => {
    const proxy = await proxyServer({ hostname: "127.0.0.4" });
    const addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    await using _ = await silence("127.0.0.2", proxy.port);
    await using __ = await silence("127.0.0.3", proxy.port);
    const { port } = startReceiverHere();
    const dial = createProxyDial(`http://proxy.test:${proxy.port}`, undefined, {
      resolve: createResolver({
        lookup: async () => addresses.map((address) => ({ address, family: 4 })),
      }),
    });
    const target = readTarget(`http://receiver.test:${port}/`)!;
    for (const timeoutMs of [20_000, 400]) {
      const deadline = new Deadline(timeoutMs);
      const tunnel = await dial(target, LOOPBACK, deadline);
      deadline.clear();
      if ("kind" in tunnel) throw new Error(tunnel.reason);
      tunnel.destroy();
    }
    const asked = proxy.requests.map(({ authority }) => authority);
    expect(asked).toEqual([`127.0.0.1:${port}`, `127.0.0.1:${port}`]);
  });
});
