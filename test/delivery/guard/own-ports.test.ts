import { expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import type { Address } from "../../../src/delivery/guard/address.ts";
import { Deadline } from "../../../src/deadline.ts";
import { createOwnListeners } from "../../../src/delivery/guard/own-ports.ts";

const ip = (address: string): Address => ({ address, family: address.includes(":") ? 6 : 4 });

function find(host: string, addresses: readonly string[], port = 8585) {
  const listeners = createOwnListeners({
    localAddresses: () => ["127.0.0.1", "::1", "10.0.0.7", "fd00::7"],
  });
  listeners.add({ name: "the API", host, port: 8585 });
  return listeners.find(addresses.map(ip), port, new Deadline(20_000));
}

/** Addresses that reach this machine, and some that only look like it. */
const HERE = [
  "127.0.0.1",
  "127.255.0.9",
  "0.0.0.0",
  "10.0.0.7",
  "::1",
  "::",
  "fd00::7",
  "::ffff:7f00:1",
  "::ffff:10.0.0.7",
  "64:ff9b::10.0.0.7",
  "::127.0.0.1",
];
const ELSEWHERE = ["10.0.0.8", "8.8.8.8", "fd00::8", "::ffff:10.0.0.8"];

const onThisMachine = ["127.0.0.1", "0.0.0.0", "::", "::1", "10.0.0.7", "localhost", "127.1"];
test.each(onThisMachine)(
  "a listener on %s is reached at every address of this machine",
  async (host) => {
    for (const address of HERE) {
      expect(await find(host, [address])).toEqual({ kind: "own", name: "the API", address });
    }
    for (const address of ELSEWHERE) expect(await find(host, [address])).toEqual({ kind: "other" });
  },
);

test("a listener on another machine is reached at its address only, in every notation", async () => {
  for (const address of ["10.0.0.8", "::ffff:10.0.0.8", "64:ff9b::10.0.0.8"]) {
    expect(await find("10.0.0.8", [address])).toMatchObject({ kind: "own", address });
  }
  for (const address of [...HERE, "10.0.0.9"]) {
    expect(await find("10.0.0.8", [address])).toEqual({ kind: "other" });
  }
});

test("one own address among several is enough", async () => {
  expect(await find("10.0.0.8", ["8.8.8.8", "10.0.0.8"])).toMatchObject({ kind: "own" });
});

test("a listener is not found at another port", async () => {
  expect(await find("127.0.0.1", ["127.0.0.1"], 8586)).toEqual({ kind: "other" });
});

test("if a listener's name does not resolve, nothing on its port is allowed", async () => {
  expect(await find("nowhere.invalid", ["8.8.8.8"])).toMatchObject({
    kind: "unresolved",
    reason: "dns",
    detail: expect.stringContaining("the API"),
  });
});

test("this machine's addresses are found", async () => {
  const server = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response() });
  const port = server.port ?? 0;
  const listeners = createOwnListeners();
  listeners.add({ name: "the API", host: "0.0.0.0", port });
  const deadline = new Deadline(20_000);
  const own = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  for (const { address } of own.filter(({ family }) => family === "IPv4")) {
    // It is an address of this machine: it accepts a connection.
    expect((await fetch(`http://${address}:${port}/`)).status).toBe(200);
    expect(await listeners.find([ip(address)], port, deadline)).toMatchObject({ kind: "own" });
  }
  deadline.clear();
  await server.stop(true);
});
