import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { Address } from "../../../src/delivery/guard/address.ts";
import { Connector } from "../../../src/delivery/http/connector.ts";
import { Deadline } from "../../../src/deadline.ts";
import { createDial } from "../../../src/delivery/http/dial.ts";
import { connectionFailure, proxyFailure } from "../../../src/delivery/http/failure.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";
import { testAuthority } from "../../support/certificates.ts";
import { silence } from "../../support/silent-address.ts";
import { startTlsReceiver } from "../../support/tls-receiver.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  // A server that is stopped waits for its connections, which were opened after it.
  for (const stop of stops.splice(0).toReversed()) await stop();
});

const A: Address = { address: "127.0.0.2", family: 4 };
const B: Address = { address: "127.0.0.3", family: 4 };

async function listenAt(address: string, port: number, onConnection: (socket: Socket) => void) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
    onConnection(socket);
  });
  server.listen(port, address);
  await once(server, "listening");
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

async function connectWith(connector: Connector, url: string, addresses: readonly Address[]) {
  const deadline = new Deadline(20_000);
  const connected = await connector.connect(readTarget(url)!, addresses, deadline);
  deadline.clear();
  if ("kind" in connected) throw new Error(connected.reason);
  stops.push(() => connected.socket.destroy());
  return connected.address.address;
}

test("the address that connected comes first, even before it has answered a request", async () => {
  const { port } = await listenAt(B.address, 0, () => {});
  await using _ = await silence(A.address, port);
  const connector = new Connector(createDial());
  const url = `http://receiver.test:${port}/`;
  expect(await connectWith(connector, url, [A, B])).toBe(B.address);
  expect(connector.order(readTarget(url)!, [A, B])).toEqual([B, A]);
});

test("a failure of the proxy itself does not move an address behind the others", async () => {
  const failures = [proxyFailure("status-403"), connectionFailure("ECONNREFUSED")];
  const connector = new Connector(async () => failures.shift()!);
  const target = readTarget("http://receiver.test/")!;
  const deadline = new Deadline(20_000);
  expect(await connector.connect(target, [A, B], deadline)).toEqual(proxyFailure("status-403"));
  deadline.clear();
  expect(connector.isDoubtful(target, A, [A, B])).toBe(false);
  expect(connector.isDoubtful(target, B, [A, B])).toBe(true);
});

test("if two addresses connect in the same turn, one of them is closed", async () => {
  const { port, sockets } = await listenAt(A.address, 0, () => {});
  const waiting: (() => void)[] = [];
  const both = Promise.withResolvers<void>();
  const opened: Socket[] = [];
  const connector = new Connector(async () => {
    const socket = connect(port, A.address);
    await once(socket, "connect");
    opened.push(socket);
    if (opened.length === 2) both.resolve();
    const turn = Promise.withResolvers<void>();
    waiting.push(turn.resolve);
    await turn.promise;
    return socket;
  });
  const connecting = connectWith(connector, `http://receiver.test:${port}/`, [A, B]);
  await both.promise;
  for (const go of waiting) go();
  await connecting;
  expect(sockets).toHaveLength(2);
  const [winner, loser] = opened;
  if (!loser?.destroyed) await once(loser!, "close");
  expect([winner?.destroyed, loser?.destroyed]).toEqual([false, true]);
});

describe("a TLS handshake that takes longer than 250 ms", () => {
  test("a slow TLS handshake opens no second connection within its second", async () => {
    const receiver = await startTlsReceiver({ certificate: "receiver" });
    stops.push(() => receiver.stop());
    const slow = await listenAt(A.address, 0, (client) => {
      const upstream = connect(receiver.port, "127.0.0.1").on("error", () => {});
      stops.push(() => upstream.destroy());
      client.on("data", (bytes) => setTimeout(() => upstream.write(bytes), 400));
      upstream.on("data", (bytes) => client.write(bytes));
    });
    const other = await listenAt(B.address, slow.port, () => {});
    const connector = new Connector(createDial(testAuthority));
    const url = `https://receiver.test:${slow.port}/`;
    expect(await connectWith(connector, url, [A, B])).toBe(A.address);
    expect(other.sockets).toHaveLength(0);
  });
});
