import { afterEach, describe, expect, test } from "bun:test";
import { Deadline } from "../../../src/deadline.ts";
import { startReceiver, type Receiver } from "../../support/receiver.ts";
import { startTcpReceiver } from "../../support/tcp-receiver.ts";
import { flood } from "../../support/hostile-receiver.ts";
import { LOOPBACK, LOOPBACK_V6, sendTo } from "../attempt.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function receiver(...args: Parameters<typeof startReceiver>): Receiver {
  const started = startReceiver(...args);
  stops.push(() => started.stop());
  return started;
}

async function tcpReceiver(...args: Parameters<typeof startTcpReceiver>) {
  const started = await startTcpReceiver(...args);
  stops.push(() => started.stop());
  return started;
}

describe("the request", () => {
  test("a request names the webhook's host, not the dialled address, and has the body's exact bytes", async () => {
    const tcp = await tcpReceiver(async (connection) => {
      await connection.request();
      await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
    });
    const body = `{"n":12345678901234567890, "x":1.0,"ü":"\\u00fc"}`;
    const url = `http://user:pw@receiver.test:${tcp.port}/a%20b?q=%2F#part`;
    await sendTo(url, { headers: { "User-Agent": "Fluxhook/1.0", "X-A": "1" }, body });
    const text = new TextDecoder().decode(await tcp.waitForRequest());
    const [head = "", sent] = text.split("\r\n\r\n");
    expect(sent).toBe(body);
    expect(head.split("\r\n").toSorted()).toEqual(
      [
        "POST /a%20b?q=%2F HTTP/1.1",
        `Host: receiver.test:${tcp.port}`,
        "Accept: */*",
        "Connection: keep-alive",
        `Content-Length: ${Buffer.byteLength(body)}`,
        "User-Agent: Fluxhook/1.0",
        "X-A: 1",
      ].toSorted(),
    );
  });

  test("a request does not use the environment's proxy", async () => {
    const proxy = receiver();
    const direct = receiver();
    const before = process.env["HTTP_PROXY"];
    process.env["HTTP_PROXY"] = proxy.url;
    stops.push(() => {
      if (before === undefined) delete process.env["HTTP_PROXY"];
      else process.env["HTTP_PROXY"] = before;
    });
    await sendTo(`http://receiver.test:${direct.port}/`);
    expect(direct.requests).toHaveLength(1);
    expect(proxy.requests).toHaveLength(0);
  });
});

describe("the address", () => {
  test("the next address is dialled if nothing could be sent to the first", async () => {
    const { port, requests } = receiver();
    const answer = await sendTo(`http://receiver.test:${port}/`, {
      addresses: [LOOPBACK_V6, LOOPBACK],
    });
    expect(answer).toMatchObject({ kind: "response", status: 204 });
    expect(requests).toHaveLength(1);
  });

  test("the failure of the last address is reported if none is left", async () => {
    const gone = startReceiver();
    await gone.stop();
    const answer = await sendTo(gone.url, { addresses: [LOOPBACK, LOOPBACK] });
    expect(answer).toHaveProperty("reason", "connection-refused");
  });

  test("no other address is dialled once the request may have been read", async () => {
    const tcp = await tcpReceiver(async (connection) => {
      await connection.request();
      connection.reset();
    });
    const answer = await sendTo(tcp.url, { addresses: [LOOPBACK, LOOPBACK] });
    expect(answer).toHaveProperty("reason", "connection-reset");
    expect(tcp.connections).toHaveLength(1);
  });

  test("an IPv6 address can be dialled", async () => {
    const server = Bun.serve({
      hostname: "::1",
      port: 0,
      fetch: (request) =>
        new Response(null, { headers: { "retry-after": request.headers.get("host") ?? "" } }),
    });
    stops.push(() => server.stop(true));
    const answer = await sendTo(`http://receiver.test:${server.port}/`, {
      addresses: [LOOPBACK_V6],
    });
    expect(answer).toMatchObject({ status: 200, retryAfter: `receiver.test:${server.port}` });
  });
});

describe("the response", () => {
  test("a response has its Retry-After", async () => {
    const { url } = receiver(
      () => new Response("busy", { status: 503, headers: { "retry-after": "7" } }),
    );
    expect(await sendTo(url)).toMatchObject({ kind: "response", status: 503, retryAfter: "7" });
  });

  test("a redirect to a local address is an answer and is not followed", async () => {
    const secret = receiver();
    for (const status of [301, 302, 303, 307, 308]) {
      const { url } = receiver(
        () => new Response(null, { status, headers: { location: secret.url } }),
      );
      expect(await sendTo(url)).toHaveProperty("status", status);
    }
    await sendTo(secret.url, { body: `"the only one"` });
    expect(secret.requests.map(({ text }) => text)).toEqual([`"the only one"`]);
  });

  const whole = [
    ["no body", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["a short body", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"],
    [
      "a short body in chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
  ] as const;
  test.each(whole)(
    "a response with %s leaves its connection to the next request",
    async (_, bytes) => {
      const tcp = await tcpReceiver(async (connection) => {
        for (let answered = 0; answered < 3; answered++) {
          await connection.request();
          await connection.write(bytes);
        }
      });
      for (let sent = 0; sent < 3; sent++) {
        const answer = await sendTo(tcp.url);
        if (answer.kind !== "response") throw new Error(`no response: ${answer.reason}`);
        expect(await answer.drained).toBe("ended");
      }
      expect(tcp.connections).toHaveLength(1);
    },
  );

  const stalling = [
    ["stops within its body", "Content-Length: 10\r\n\r\nabc"],
    ["stops within its chunks", "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"],
  ] as const;
  test.each(stalling)(
    "a response that %s has the outcome of its headers and is cut off",
    async (_, rest) => {
      const tcp = await tcpReceiver(async (connection) => {
        await connection.request();
        await connection.write(`HTTP/1.1 200 OK\r\n${rest}`);
      });
      const answer = await sendTo(tcp.url);
      if (answer.kind !== "response") throw new Error(`no response: ${answer.reason}`);
      expect(answer.status).toBe(200);
      expect(await answer.drained).toBe("unfinished");
      await tcp.connections[0]?.closed;
    },
  );

  const endless = [
    ["a body", "\r\n", "x".repeat(65_536)],
    ["a huge body", "Content-Length: 9999999999\r\n\r\n", "x".repeat(65_536)],
    ["chunks", "Transfer-Encoding: chunked\r\n\r\n", `4000\r\n${"x".repeat(0x4000)}\r\n`],
  ] as const;
  test.each(endless)(
    "a response with endless %s is cut off by size, not by time",
    async (_, rest, chunk) => {
      const tcp = await tcpReceiver(async (connection) => {
        await connection.request();
        await connection.write(`HTTP/1.1 200 OK\r\n${rest}`);
        await flood(connection, () => chunk);
      });
      const deadline = new Deadline(20_000);
      const answer = await sendTo(tcp.url, { deadline });
      if (answer.kind !== "response") throw new Error(`no response: ${answer.reason}`);
      expect(await answer.drained).toBe("too-long");
      expect(deadline.hasPassed).toBe(false);
      await tcp.connections[0]?.closed;
    },
  );

  test("a response that announces a huge body is cut off at once", async () => {
    const tcp = await tcpReceiver(async (connection) => {
      await connection.request();
      await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n");
    });
    const deadline = new Deadline(20_000);
    const answer = await sendTo(tcp.url, { deadline });
    if (answer.kind !== "response") throw new Error(`no response: ${answer.reason}`);
    expect(answer.status).toBe(200);
    expect(await answer.drained).toBe("too-long");
    expect(deadline.hasPassed).toBe(false);
    await tcp.connections[0]?.closed;
  });

  test("a response that breaks off within its body keeps its status", async () => {
    const tcp = await tcpReceiver(async (connection) => {
      await connection.request();
      await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n");
      connection.close();
    });
    const answer = await sendTo(tcp.url);
    if (answer.kind !== "response") throw new Error(`no response: ${answer.reason}`);
    expect(answer.status).toBe(200);
    await answer.drained;
  });

  test("the deadline is cleared when the response is drained", async () => {
    const { url } = receiver(() => new Response("body"));
    const deadline = new Deadline(500);
    const answer = await sendTo(url, { deadline });
    if (answer.kind !== "response") throw new Error(`no response: ${answer.reason}`);
    await answer.drained;
    await new Deadline(600).race(new Promise(() => {}));
    expect(deadline.hasPassed).toBe(false);
  });

  const held = [
    ["never comes", "Content-Length: 10\r\n\r\n"],
    ["stops after some of it", `Content-Length: 10000\r\n\r\n${"x".repeat(5_000)}`],
  ] as const;
  test.each(held)("a response whose body %s delays no other request", async (_, rest) => {
    const tcp = await tcpReceiver(async (connection) => {
      await connection.request();
      await connection.write(`HTTP/1.1 200 OK\r\n${rest}`);
    });
    const { url } = receiver();
    const stalled = Array.from({ length: 300 }, () => sendTo(tcp.url));
    expect(await sendTo(url)).toHaveProperty("status", 204);
    const answers = await Promise.all(stalled);
    expect(answers.filter((answer) => answer.kind === "response")).toHaveLength(300);
  });
});
