// Deliveries to a name with several addresses: which one is dialled and remembered. It is always one that
// the guard approved for this attempt (guarantee 7).
import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { Address } from "../../src/delivery/guard/address.ts";
import { testAuthority } from "../support/certificates.ts";
import { silence } from "../support/silent-address.ts";
import { startTlsReceiver } from "../support/tls-receiver.ts";
import { LOOPBACK, sendTo } from "./attempt.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const A: Address = { address: "127.0.0.2", family: 4 };
const B: Address = { address: "127.0.0.3", family: 4 };

/** A new sender for each test, without the memory of the others. */
let names = 0;
const name = () => `several-${(names += 1)}.test`;

function receiverAt(hostname: string, port = 0) {
  let isHanging = false;
  let requests = 0;
  const server = Bun.serve({
    hostname,
    port,
    idleTimeout: 0,
    fetch: () => {
      requests += 1;
      return isHanging
        ? new Promise<Response>(() => {})
        : new Response(null, { headers: { "retry-after": hostname } });
    },
  });
  stops.push(() => server.stop(true));
  return {
    port: Number(server.port),
    stop: () => server.stop(true),
    hang: () => (isHanging = true),
    get requests() {
      return requests;
    },
  };
}

/** Returns the address that answered, or why none did. */
async function answering(url: string, options: Parameters<typeof sendTo>[1]): Promise<string> {
  const answer = await sendTo(url, options);
  if (answer.kind === "failure") return answer.reason;
  await answer.drained;
  return answer.retryAfter ?? "";
}

describe("the address that worked last", () => {
  test("the address that worked last is dialled first, so a silent one costs 250 ms only once", async () => {
    const { port } = receiverAt(B.address);
    const url = `http://${name()}:${port}/`;
    await using _ = await silence(A.address, port);
    const options = { addresses: [A, B], headers: { Connection: "close" } };
    expect(await answering(url, options)).toBe(B.address);
    for (let n = 0; n < 5; n++) {
      // The silent address alone would use up the time-out.
      expect(await answering(url, { ...options, timeoutMs: 240 })).toBe(B.address);
    }
  });

  test("the address that worked last is forgotten when it fails, and the other one is dialled", async () => {
    const first = receiverAt(A.address);
    const url = `http://${name()}:${first.port}/`;
    expect(await answering(url, { addresses: [A, B] })).toBe(A.address);
    receiverAt(B.address, first.port);
    await first.stop();
    expect(await answering(url, { addresses: [A, B] })).toBe(B.address);
    expect(await answering(url, { addresses: [A, B] })).toBe(B.address);
  });

  test("an address that accepts connections and does not answer comes after the others", async () => {
    const first = receiverAt(A.address);
    receiverAt(B.address, first.port);
    const url = `http://${name()}:${first.port}/`;
    const options = { addresses: [A, B], headers: { "X-N": "1" } };
    expect(await answering(url, options)).toBe(A.address);
    first.hang();
    expect(await answering(url, { ...options, timeoutMs: 300 })).toBe("timeout");
    for (let n = 0; n < 3; n++) expect(await answering(url, options)).toBe(B.address);
    expect(first.requests).toBe(2);
  });

  test("the address that worked last is not dialled once it is no longer approved", async () => {
    const first = receiverAt(A.address);
    const second = receiverAt(B.address, first.port);
    const url = `http://${name()}:${first.port}/`;
    expect(await answering(url, { addresses: [A, B] })).toBe(A.address);
    // There is also a free connection to it.
    expect(await answering(url, { addresses: [B] })).toBe(B.address);
    expect([first.requests, second.requests]).toEqual([1, 1]);
    second.hang();
    expect(await answering(url, { addresses: [B], timeoutMs: 300 })).toBe("timeout");
    expect(first.requests).toBe(1);
  });
});

test("a free connection to an address that failed later is not used while there are others", async () => {
  const first = receiverAt(A.address);
  receiverAt(B.address, first.port);
  const url = `http://${name()}:${first.port}/`;
  // Two connections to the first address are free.
  const twice = [sendTo(url, { addresses: [A, B] }), sendTo(url, { addresses: [A, B] })];
  for (const answer of await Promise.all(twice)) expect(answer.kind).toBe("response");
  first.hang();
  const options = { addresses: [A, B] };
  expect(await answering(url, { ...options, timeoutMs: 300 })).toBe("timeout");
  expect(await answering(url, options)).toBe(B.address);
  expect(first.requests).toBe(3);
});

test("a free connection to any approved address is used again before another address is dialled", async () => {
  const first = receiverAt(A.address);
  const second = receiverAt(B.address, first.port);
  const url = `http://${name()}:${first.port}/`;
  // The order of the name server before and now.
  expect(await answering(url, { addresses: [B] })).toBe(B.address);
  expect(await answering(url, { addresses: [A, B] })).toBe(B.address);
  expect([first.requests, second.requests]).toEqual([0, 2]);
});

describe("an address that accepts connections and is silent in the TLS handshake", () => {
  /** Accepts at 127.0.0.2 while the TLS receiver listens at 127.0.0.1. */
  async function hangingBeside(port: number) {
    const connections: Socket[] = [];
    const server = createServer((socket) => void connections.push(socket.on("error", () => {})));
    server.listen(port, A.address);
    await once(server, "listening");
    stops.push(() => {
      for (const socket of connections) socket.destroy();
      server.close();
    });
    expect((server.address() as AddressInfo).port).toBe(port);
    return connections;
  }

  test("an address that is silent in the TLS handshake loses to the next one and is not remembered as working", async () => {
    const receiver = await startTlsReceiver({ certificate: "receiver" });
    stops.push(() => receiver.stop());
    const hanging = await hangingBeside(receiver.port);
    const url = `https://receiver.test:${receiver.port}/`;
    const options = {
      addresses: [A, LOOPBACK],
      ca: testAuthority,
      headers: { Connection: "close" },
    };
    expect(await sendTo(url, options)).toHaveProperty("status", 204);
    expect(hanging).toHaveLength(1);
    await once(hanging[0]!.resume(), "close");
    expect(await sendTo(url, options)).toHaveProperty("status", 204);
    expect(hanging).toHaveLength(1);
  });

  test("an address that is silent in the TLS handshake costs at most one attempt if the time-out is shorter than the race", async () => {
    const receiver = await startTlsReceiver({ certificate: "receiver" });
    stops.push(() => receiver.stop());
    await hangingBeside(receiver.port);
    const url = `https://receiver.test:${receiver.port}/`;
    const options = { addresses: [A, LOOPBACK], ca: testAuthority };
    expect(await sendTo(url, { ...options, timeoutMs: 150 })).toHaveProperty("reason", "timeout");
    expect(await sendTo(url, options)).toHaveProperty("status", 204);
  });
});

test("an address with a wrong certificate loses to the next one, and nothing is sent to it", async () => {
  const right = await startTlsReceiver({ certificate: "receiver" });
  stops.push(() => right.stop());
  const requests: number[] = [];
  const wrong = Bun.serve({
    hostname: A.address,
    port: right.port,
    tls: await import("../support/certificates.ts").then(({ certificate }) => certificate("other")),
    fetch: () => {
      requests.push(1);
      return new Response(null, { status: 204 });
    },
  });
  stops.push(() => wrong.stop(true));
  const url = `https://receiver.test:${right.port}/`;
  const options = { addresses: [A, LOOPBACK], ca: testAuthority };
  expect(await sendTo(url, options)).toHaveProperty("status", 204);
  expect(requests).toEqual([]);
});
