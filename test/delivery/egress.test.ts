import { expect, test } from "bun:test";
import { Deadline } from "../../src/deadline.ts";
import {
  createEgress,
  valkeyListener,
  type Egress,
  type EgressSettings,
} from "../../src/delivery/egress.ts";
import { readTarget } from "../../src/delivery/guard/target.ts";
import { addressRecords, startNameServer } from "../support/name-server.ts";

const SETTINGS: EgressSettings = {
  EGRESS_ALLOW: ["127.0.0.0/8"],
  EGRESS_PORTS: [{ from: 443, to: 443 }],
  EGRESS_HTTP: false,
  DNS_SERVERS: [],
  VALKEY_URL: "redis://127.0.0.1:6379",
};

async function check({ guard }: Egress, url: string) {
  const deadline = new Deadline(20_000);
  const verdict = await guard.check(readTarget(url), deadline);
  deadline.clear();
  return verdict;
}

const places: [valkeyUrl: string, host: string, port: number][] = [
  ["redis://127.0.0.1:6380", "127.0.0.1", 6380],
  ["valkey://valkey.internal", "valkey.internal", 6379],
  ["rediss://user:p%40ss@valkey.internal:7000/2", "valkey.internal", 7000],
  ["valkey://[fd00::2]:7000", "fd00::2", 7000],
];
test.each(places)("valkeyListener of %s is %s, port %i", (valkeyUrl, host, port) => {
  expect(valkeyListener(valkeyUrl)).toEqual({ name: "Fluxhook's Valkey", host, port });
});

test("valkeyListener returns null for a unix socket", () => {
  expect(valkeyListener("/run/valkey.sock")).toBeNull();
  expect(valkeyListener("unix:///run/valkey.sock")).toBeNull();
});

test("Valkey is denied from the start, the API once its port is known", async () => {
  const egress = createEgress(SETTINGS);
  expect((await check(egress, "http://127.0.0.1:6379/")).verdict).toBe("blocked");
  expect((await check(egress, "http://127.0.0.1:8585/")).verdict).toBe("allowed");
  egress.protect({ name: "Fluxhook's own API", host: "0.0.0.0", port: 8585 });
  expect((await check(egress, "http://127.0.0.1:8585/")).verdict).toBe("blocked");
});

test("DNS_SERVERS are asked instead of the system", async () => {
  await using server = await startNameServer((question) =>
    addressRecords(question, ["127.0.0.2"], 60),
  );
  const egress = createEgress({ ...SETTINGS, DNS_SERVERS: [server.address] });
  expect(await check(egress, "https://nowhere.invalid/")).toMatchObject({
    verdict: "allowed",
    addresses: [{ address: "127.0.0.2", family: 4 }],
  });
});
