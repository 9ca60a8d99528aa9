import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { Address } from "../../../src/delivery/guard/address.ts";
import { Deadline } from "../../../src/deadline.ts";
import { createDial } from "../../../src/delivery/http/dial.ts";
import { connectionFailure, TIMED_OUT, type Failure } from "../../../src/delivery/http/failure.ts";
import { race, type OpenAt, type RaceLimit } from "../../../src/delivery/http/race.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";
import { silence } from "../../support/silent-address.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const SILENT = v4("127.0.0.2");
const OPEN = v4("127.0.0.3");

function v4(address: string): Address {
  return { address, family: 4 };
}

/** Accepts connections at 127.0.0.3 and never answers. */
async function openAddress() {
  const connections: Socket[] = [];
  const server = createServer((socket) => void connections.push(socket.on("error", () => {})));
  server.listen(0, OPEN.address);
  await once(server, "listening");
  stops.push(() => {
    for (const socket of connections) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections };
}

/** Dials for real, and records the addresses and how their attempts ended. */
function recordingDial(url: string) {
  const dial = createDial();
  const target = readTarget(url)!;
  const dialled: string[] = [];
  const ended: string[] = [];
  const openAt: OpenAt = async (address, limit) => {
    dialled.push(address.address);
    const result = await dial(target, address, limit);
    ended.push(`${address.address} ${"kind" in result ? result.reason : "connected"}`);
    return result;
  };
  return { openAt, dialled, ended };
}

const failedAddresses: string[] = [];
afterEach(() => void failedAddresses.splice(0));

async function raceTo(addresses: readonly Address[], openAt: OpenAt, timeoutMs = 20_000) {
  const deadline = new Deadline(timeoutMs);
  try {
    return await race({
      addresses,
      openAt,
      limit: deadline,
      now: () => performance.now(),
      onFailed: ({ address }) => failedAddresses.push(address),
    });
  } finally {
    deadline.clear();
  }
}

describe("a race between addresses", () => {
  test("the second address wins a race if the first one drops SYNs, and the first is closed", async () => {
    const { port } = await openAddress();
    await using _ = await silence(SILENT.address, port);
    const { openAt, dialled, ended } = recordingDial(`http://receiver.test:${port}/`);
    const started = performance.now();
    const connected = await raceTo([SILENT, OPEN], openAt);
    if ("kind" in connected) throw new Error(connected.reason);
    stops.push(() => connected.socket.destroy());
    expect(connected.address).toEqual(OPEN);
    expect(connected.socket.remoteAddress).toBe(OPEN.address);
    expect(dialled).toEqual([SILENT.address, OPEN.address]);
    expect(performance.now() - started).toBeGreaterThan(240);
    await Bun.sleep(0);
    expect(ended).toEqual([`${OPEN.address} connected`, `${SILENT.address} timeout`]);
    expect(failedAddresses).toEqual([]);
  });

  test("a race starts the next address at once after a refusal", async () => {
    const { port } = await openAddress();
    const { openAt, dialled } = recordingDial(`http://receiver.test:${port}/`);
    const refusing = Array.from({ length: 20 }, (_, n) => v4(`127.0.1.${n}`));
    const started = performance.now();
    const connected = await raceTo([...refusing, OPEN], openAt);
    if ("kind" in connected) throw new Error(connected.reason);
    stops.push(() => connected.socket.destroy());
    // With 250 ms for each, it would take 5 s.
    expect(performance.now() - started).toBeLessThan(2_500);
    expect(connected.address).toEqual(OPEN);
    expect(dialled).toHaveLength(21);
    expect(failedAddresses).toHaveLength(20);
  });

  test("a race starts no other address if the first one connects", async () => {
    const { port, connections } = await openAddress();
    const { openAt, dialled } = recordingDial(`http://receiver.test:${port}/`);
    const connected = await raceTo([OPEN, SILENT], openAt);
    if ("kind" in connected) throw new Error(connected.reason);
    stops.push(() => connected.socket.destroy());
    await new Deadline(400).race(new Promise(() => {}));
    expect(dialled).toEqual([OPEN.address]);
    expect(connections).toHaveLength(1);
  });

  test("a race without a connection ends at the deadline and closes every attempt", async () => {
    const { port } = await openAddress();
    await using _ = await silence(SILENT.address, port);
    await using __ = await silence("127.0.0.4", port);
    const { openAt, ended } = recordingDial(`http://receiver.test:${port}/`);
    expect(await raceTo([SILENT, v4("127.0.0.4")], openAt, 600)).toEqual(TIMED_OUT);
    expect(ended.toSorted()).toEqual(["127.0.0.2 timeout", "127.0.0.4 timeout"]);
    expect(failedAddresses.toSorted()).toEqual(["127.0.0.2", "127.0.0.4"]);
  });

  test("a race dials nothing if its deadline has passed", async () => {
    const deadline = new Deadline(0);
    await deadline.race(new Promise(() => {}));
    const { openAt, dialled } = recordingDial("http://receiver.test:9/");
    const outcome = await race({
      addresses: [OPEN, SILENT],
      openAt,
      limit: deadline,
      now: () => performance.now(),
      onFailed: () => {},
    });
    expect(outcome).toEqual(TIMED_OUT);
    expect(dialled).toEqual([]);
  });

  test("a race keeps at most eight connection attempts open and still reaches the last address", async () => {
    const { port } = await openAddress();
    const silent = Array.from({ length: 12 }, (_, n) => v4(`127.0.2.${n}`));
    for (const { address } of silent) {
      const one = await silence(address, port);
      stops.push(() => one.stop());
    }
    const { openAt } = recordingDial(`http://receiver.test:${port}/`);
    let connecting = 0;
    let most = 0;
    const counted: OpenAt = async (address, limit) => {
      connecting += 1;
      most = Math.max(most, connecting);
      const result = await openAt(address, limit);
      connecting -= 1;
      return result;
    };
    const connected = await raceTo([...silent, OPEN], counted);
    if ("kind" in connected) throw new Error(connected.reason);
    stops.push(() => connected.socket.destroy());
    expect(connected.address).toEqual(OPEN);
    // The dropped attempt ends in the same turn in which the next one starts.
    expect(most).toBeLessThanOrEqual(9);
  });

  test("a race throws an error that is a fault of Fluxhook", async () => {
    const broken = raceTo([OPEN, SILENT], () => {
      throw new Error("our own fault");
    });
    expect(broken).rejects.toThrow("our own fault");
  });
});

describe("the failure of a race that no address won", () => {
  const proxy = (code: string): Failure => ({
    kind: "failure",
    reason: "proxy",
    code,
    isOurs: true,
  });
  const refused = connectionFailure("ECONNREFUSED");
  const unreachable: Failure = {
    kind: "failure",
    reason: "receiver-unreachable",
    code: "status-502",
  };
  const expired = connectionFailure("CERT_HAS_EXPIRED");
  const rows: [claim: string, failures: Failure[], told: Failure][] = [
    [
      "is the last failure",
      [refused, connectionFailure("EHOSTUNREACH")],
      connectionFailure("EHOSTUNREACH"),
    ],
    ["is the one of TLS before a time-out", [TIMED_OUT, expired], expired],
    ["is the time-out before a refusal", [TIMED_OUT, refused], TIMED_OUT],
    ["is the one of TLS before a refusal", [expired, refused], expired],
    [
      "is the operator's before the receiver's",
      [proxy("status-403"), unreachable],
      proxy("status-403"),
    ],
  ];
  test.each(rows)("the failure of a lost race %s", async (_, failures, told) => {
    const left = [...failures];
    const addresses = failures.map((__, n) => v4(`127.0.3.${n}`));
    expect(await raceTo(addresses, async () => left.shift()!)).toEqual(told);
    expect(left).toEqual([]);
  });

  test.each(["ECONNREFUSED", "status-407"])(
    "the proxy's own %s ends a race at once",
    async (code) => {
      let dialled = 0;
      const openAt = async () => {
        dialled += 1;
        return proxy(code);
      };
      expect(await raceTo([OPEN, SILENT], openAt)).toEqual(proxy(code));
      expect(dialled).toBe(1);
    },
  );
});

test("an address that accepted the connection has a second for TLS before the next one starts", async () => {
  const starts: { address: string; atMs: number }[] = [];
  const openAt = (address: Address, limit: RaceLimit) => {
    starts.push({ address: address.address, atMs: performance.now() });
    if (address === OPEN) limit.accepted?.();
    const { promise, resolve } = Promise.withResolvers<Failure>();
    limit.whenPassed(() => resolve(TIMED_OUT));
    return promise;
  };
  await raceTo([OPEN, SILENT], openAt, 1_500);
  expect(starts.map(({ address }) => address)).toEqual([OPEN.address, SILENT.address]);
  expect((starts[1]?.atMs ?? 0) - (starts[0]?.atMs ?? 0)).toBeGreaterThan(950);
});
