// Guarantee 7 against real listeners: no denied address of this machine gets a connection, in whatever
// notation the URL has it.
import { expect, test } from "bun:test";
import { createEgress } from "../../../src/delivery/egress.ts";
import { hostileHosts } from "../../support/hostile-urls.ts";
import { hostOf, localAddresses, openLocalDoor } from "../../support/local-public-url.ts";
import { attempt } from "./guarded.ts";

/** All ports and schemes are allowed, but only one address of this machine. */
function openEgress() {
  return createEgress({
    EGRESS_ALLOW: ["127.0.0.2"],
    EGRESS_PORTS: [{ from: 1, to: 65_535 }],
    EGRESS_HTTP: true,
    DNS_SERVERS: [],
    VALKEY_URL: "/run/valkey.sock",
  });
}

test("the observer sees each address of this machine that is dialled", async () => {
  await using door = await openLocalDoor();
  const dialled = ["127.0.0.1", "127.9.9.9", ...localAddresses()];
  for (const address of dialled) await fetch(`http://${hostOf(address)}:${door.port}/`);
  await fetch(`http://0.0.0.0:${door.port}/`);
  expect(door.requests).toEqual([...dialled, "127.0.0.1"]);
  expect(new Set(door.connections)).toEqual(new Set(door.requests));
});

test("no hostile URL is dialled, and each attempt names the denied range", async () => {
  await using door = await openLocalDoor();
  const egress = openEgress();
  const hosts = [
    ...hostileHosts(),
    ...localAddresses().map((address) => ({ host: hostOf(address), range: "" })),
  ];
  expect(hosts.length).toBeGreaterThan(300);
  for (const { host, range } of hosts) {
    const url = `http://${host}:${door.port}/`;
    const { outcome, detail } = await attempt(url, egress);
    expect({ url, ...outcome }).toMatchObject({ outcome: "parked", reason: "blocked-address" });
    expect(detail).toContain(range);
  }
  // By then, connections that were dialled before have arrived.
  const control = await attempt(`http://127.0.0.2:${door.port}/`, egress);
  expect(control.outcome.outcome).toBe("delivered");
  expect(door.connections).toEqual(["127.0.0.2"]);
});

test("Fluxhook's own listeners get no connection, even with everything allowed", async () => {
  await using door = await openLocalDoor();
  await using other = await openLocalDoor();
  const egress = createEgress({
    EGRESS_ALLOW: ["0.0.0.0/0", "::/0"],
    EGRESS_PORTS: [{ from: 1, to: 65_535 }],
    EGRESS_HTTP: true,
    DNS_SERVERS: [],
    VALKEY_URL: "/run/valkey.sock",
  });
  egress.protect({ name: "Fluxhook's own API", host: "0.0.0.0", port: door.port });
  const hosts = [
    "127.0.0.1",
    "127.9.9.9",
    "2130706433",
    "0",
    "localhost",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:0.0.0.0]",
    "[64:ff9b::127.0.0.1]",
    "[::127.0.0.1]",
    ...localAddresses().map(hostOf),
  ];
  for (const host of hosts) {
    const { outcome, detail } = await attempt(`http://${host}:${door.port}/`, egress);
    expect({ host, ...outcome }).toMatchObject({ outcome: "parked", reason: "blocked-address" });
    expect(detail).toContain("Fluxhook's own API");
  }
  for (const address of ["127.0.0.1", ...localAddresses()]) {
    const { outcome } = await attempt(`http://${hostOf(address)}:${other.port}/`, egress);
    expect(outcome.outcome).toBe("delivered");
  }
  expect(door.connections).toEqual([]);
});
