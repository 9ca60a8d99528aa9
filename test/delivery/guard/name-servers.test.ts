// Look-ups with DNS_SERVERS against a real name server of the test.
import { expect, test } from "bun:test";
import { Deadline, EXPIRED } from "../../../src/deadline.ts";
import { nameServerLookup } from "../../../src/delivery/guard/name-servers.ts";
import { dnsCode, createResolver, type FoundAddress } from "../../../src/delivery/guard/resolve.ts";
import { addressRecords, startNameServer, type DnsAnswer } from "../../support/name-server.ts";

const V4 = "192.0.2.1";
const V6 = "2001:db8::1";
const cname = (name: string, value: string, ttlS: number) => ({
  name,
  type: "CNAME" as const,
  value,
  ttlS,
});

type Zone = Record<string, Record<"A" | "AAAA", DnsAnswer>>;

const ZONE: Zone = {
  "both.test": {
    A: [{ type: "A", value: V4, ttlS: 30 }],
    AAAA: [{ type: "AAAA", value: V6, ttlS: 20 }],
  },
  "four.test": { A: [{ type: "A", value: V4, ttlS: 30 }], AAAA: [] },
  "six.test": { A: [], AAAA: [{ type: "AAAA", value: V6, ttlS: 30 }] },
  // Broken servers answer NXDOMAIN for a family that they do not know (RFC 4074 §4.2).
  "half-known.test": { A: [{ type: "A", value: V4, ttlS: 30 }], AAAA: "NXDOMAIN" },
  "half-failing.test": { A: [{ type: "A", value: V4, ttlS: 30 }], AAAA: "SERVFAIL" },
  "half-silent.test": { A: "silence", AAAA: [{ type: "AAAA", value: V6, ttlS: 3 }] },
  "chain.test": {
    A: [
      cname("chain.test", "middle.test", 9),
      cname("middle.test", "end.test", 2),
      { name: "end.test", type: "A", value: V4, ttlS: 300 },
    ],
    AAAA: [cname("chain.test", "middle.test", 9), cname("middle.test", "end.test", 2)],
  },
};

async function openZone(zone: Zone = ZONE) {
  const server = await startNameServer(({ name, type }) =>
    type === "other" ? [] : (zone[name]?.[type] ?? "NXDOMAIN"),
  );
  return { server, lookup: nameServerLookup({ servers: [server.address] }) };
}

function failureOf(looking: Promise<unknown>): Promise<string | null> {
  return looking.then(() => null, dnsCode);
}

const four = (ttlMs: number): FoundAddress => ({ address: V4, family: 4, ttlMs });
const six = (ttlMs: number): FoundAddress => ({ address: V6, family: 6, ttlMs });

const found: [claim: string, name: string, expected: FoundAddress[]][] = [
  ["both families, IPv4 first", "both.test", [four(30_000), six(20_000)]],
  ["one family where the other has no records", "four.test", [four(30_000)]],
  ["IPv6 alone", "six.test", [six(30_000)]],
  ["one family where the name is unknown in the other", "half-known.test", [four(30_000)]],
  ["one family, for a short time, where the other fails", "half-failing.test", [four(5_000)]],
  ["one family, where the other is silent", "half-silent.test", [six(3_000)]],
  ["the end of a chain of CNAMEs, with its shortest TTL", "chain.test", [four(2_000)]],
];
test.concurrent.each(found)("finds %s", async (_claim, name, expected) => {
  const { server, lookup } = await openZone();
  await using _ = server;
  expect(await lookup(name)).toEqual(expected);
});

const failures: [claim: string, A: DnsAnswer, AAAA: DnsAnswer, code: string][] = [
  ["an unknown name", "NXDOMAIN", "NXDOMAIN", "ENOTFOUND"],
  ["a name without addresses", [], [], "ENOTFOUND"],
  ["a CNAME that leads nowhere", [cname("x.test", "y.test", 5)], [], "ENOTFOUND"],
  ["a server that fails", "SERVFAIL", "SERVFAIL", "ESERVFAIL"],
  ["a server that refuses", "REFUSED", "REFUSED", "EREFUSED"],
  // The name may have addresses, so ENOTFOUND would be wrong.
  ["a family that fails beside one without records", "SERVFAIL", [], "ESERVFAIL"],
  ["a server that is silent", "silence", "silence", "ETIMEOUT"],
];
test.concurrent.each(failures)(
  "%s is unresolved, with a code",
  async (_claim, A, AAAA, code) => {
    const { server, lookup } = await openZone({ "x.test": { A, AAAA } });
    await using _ = server;
    const deadline = new Deadline(20_000);
    expect(await createResolver({ lookup })("x.test", deadline)).toEqual({
      kind: "unresolved",
      code,
    });
    deadline.clear();
  },
  { timeout: 20_000 },
);

test("a name server that is silent costs no more than the deadline", async () => {
  const { server, lookup } = await openZone({ "x.test": { A: "silence", AAAA: "silence" } });
  await using _ = server;
  expect(await createResolver({ lookup })("x.test", new Deadline(20))).toBe(EXPIRED);
});

test.concurrent("a silent family is awaited for less time than a silent name", async () => {
  const silent = { A: "silence", AAAA: "silence" } as const;
  const { server, lookup } = await openZone({ ...ZONE, "silent.test": silent });
  await using _ = server;
  const both = [
    lookup("silent.test").catch(() => "silent.test"),
    lookup("half-silent.test").then(() => "half-silent.test"),
  ];
  expect(await Promise.race(both)).toBe("half-silent.test");
});

test.concurrent("a slow family is awaited if the other has no records", async () => {
  const { promise: secondFamilyGivenUp, resolve } = Promise.withResolvers<void>();
  let questions = 0;
  await using server = await startNameServer(async ({ name, type }) => {
    if (type === "other") return [];
    if (name === "half-silent.test") return ZONE[name]![type];
    if (type !== "A") return [];
    if (++questions === 1) return "silence";
    await secondFamilyGivenUp;
    return [{ type, value: V4, ttlS: 7 }];
  });
  const lookup = nameServerLookup({ servers: [server.address] });
  const slow = lookup("slow.test");
  await lookup("half-silent.test");
  resolve();
  expect(await slow).toEqual([four(7_000)]);
});

test("the next name server is asked if the first one does not answer", async () => {
  const gone = await startNameServer(() => []);
  await gone[Symbol.asyncDispose]();
  const { server } = await openZone();
  await using _ = server;
  const lookup = nameServerLookup({ servers: [gone.address, server.address] });
  expect(await lookup("four.test")).toEqual([four(30_000)]);
});

test.each(["localhost", "localhost.", "a.localhost"])(
  "%s is this machine, and no name server is asked (RFC 6761)",
  async (name) => {
    await using server = await startNameServer((question) => addressRecords(question, [V4], 60));
    const lookup = nameServerLookup({ servers: [server.address] });
    expect((await lookup(name)).map(({ address }) => address)).toContain("127.0.0.1");
    expect(server.questions).toEqual([]);
  },
);

test("a name is not completed by a search domain of this machine", async () => {
  const { server, lookup } = await openZone();
  await using _ = server;
  expect(await failureOf(lookup("intranet"))).toBe("ENOTFOUND");
  expect(new Set(server.questions.map(({ name }) => name))).toEqual(new Set(["intranet"]));
});

test("a name without addresses is asked for again, despite the cache of c-ares", async () => {
  let addresses: string[] = [];
  await using server = await startNameServer((question) => addressRecords(question, addresses, 60));
  const clock = { nowMs: 0 };
  const lookup = nameServerLookup({ servers: [server.address], nowMs: () => clock.nowMs });
  expect(await failureOf(lookup("late.test"))).toBe("ENOTFOUND");
  addresses = [V4, V6];
  clock.nowMs = 10_000;
  expect(await lookup("late.test")).toEqual([four(60_000), six(60_000)]);
});
