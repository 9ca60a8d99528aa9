// DNS rebinding: 5,000 attempts to names that change between an allowed address of this machine and its
// denied ones. Only the clock is not real, so that every answer expires.
import { expect, test } from "bun:test";
import { createGuard } from "../../../src/delivery/guard/guard.ts";
import { nameServerLookup } from "../../../src/delivery/guard/name-servers.ts";
import { createResolver } from "../../../src/delivery/guard/resolve.ts";
import { createSender } from "../../../src/delivery/http/send.ts";
import { localAddresses, openLocalDoor } from "../../support/local-public-url.ts";
import {
  addressRecords,
  startNameServer,
  type DnsAnswer,
  type Question,
} from "../../support/name-server.ts";
import { attempt } from "./guarded.ts";

const TRIES = 5_000;
const AT_ONCE = 50;
/** Represents a public address. */
const OPEN = "127.0.0.2";
const CLOSED = localAddresses();

/** By the first label of a name: the answer to its n-th question of one type. */
const TRICKS: Record<string, (question: Question, n: number) => DnsAnswer> = {
  steady: (question) => addressRecords(question, [OPEN], 1),
  "open-first": (question, n) => addressRecords(question, n === 0 ? [OPEN] : CLOSED, 1),
  "closed-first": (question, n) => addressRecords(question, n === 0 ? CLOSED : [OPEN], 1),
  "ttl-0": (question, n) => addressRecords(question, n % 2 === 0 ? [OPEN] : CLOSED, 0),
  mixed: (question, n) => addressRecords(question, [OPEN, ...CLOSED.slice(n % 2)], 0),
  "mixed-last": (question) => addressRecords(question, [...CLOSED, OPEN], 0),
  "other-family": (question) => addressRecords(question, [OPEN, "::1"], 0),
  mapped: (question) => addressRecords(question, ["::ffff:7f00:1"], 0),
  chain: (question, n) => [
    { type: "CNAME", value: "end.test", ttlS: 0 },
    ...addressRecords(question, n % 2 === 0 ? [OPEN] : CLOSED, 3_600).map((record) => ({
      ...record,
      name: "end.test",
    })),
  ],
  "half-failing": (question, n) =>
    question.type === "AAAA"
      ? "SERVFAIL"
      : addressRecords(question, [n % 2 === 0 ? OPEN : "127.0.0.1"], 0),
  failing: (_, n) => (n % 2 === 0 ? "SERVFAIL" : "NXDOMAIN"),
  silent: () => "silence",
};
/** Names that are allowed at some time. */
const SOMETIMES_OPEN = ["steady", "open-first", "closed-first", "ttl-0", "chain", "half-failing"];

test(
  "a name that moves between open and closed addresses never reaches a closed one",
  async () => {
    await using door = await openLocalDoor();
    const asked = new Map<string, number>();
    await using server = await startNameServer((question) => {
      const key = `${question.type} ${question.name}`;
      const n = asked.get(key) ?? 0;
      asked.set(key, n + 1);
      return TRICKS[question.name.split(".")[0] ?? ""]?.(question, n) ?? "NXDOMAIN";
    });
    const clock = { nowMs: 0 };
    const nowMs = () => clock.nowMs;
    const guard = createGuard({
      allowRanges: [OPEN],
      ports: [{ from: 1, to: 65_535 }],
      allowHttp: true,
      resolve: createResolver({
        lookup: nameServerLookup({ servers: [server.address], nowMs }),
        nowMs,
      }),
    });
    const send = createSender();

    const outcomes = new Map<string, number>();
    const tricks = Object.keys(TRICKS);
    async function tryOnce(n: number): Promise<void> {
      const trick = tricks[n % tricks.length] ?? "";
      // Each name is tried some twenty times.
      const url = `http://${trick}.n${Math.floor(n / tricks.length) % 20}.test:${door.port}/`;
      const timeoutMs = trick === "silent" ? 20 : 20_000;
      const { outcome } = await attempt(url, { guard, send }, { timeoutMs });
      // A look-up that is no longer awaited ends too, and its failure is cached for a second.
      const isUnresolved = outcome.reason === "dns" || outcome.reason === "timeout";
      const what = `${trick} ${isUnresolved ? "unresolved" : (outcome.reason ?? outcome.outcome)}`;
      outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
    }
    for (let n = 0; n < TRIES; n += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => tryOnce(n + at)));
      clock.nowMs += 1_000;
    }

    expect([...new Set(door.connections)]).toEqual([OPEN]);
    expect([...outcomes.keys()].toSorted()).toEqual(
      [
        "failing unresolved",
        "silent unresolved",
        ...["mapped", "mixed", "mixed-last", "other-family"].map(
          (trick) => `${trick} blocked-address`,
        ),
        "steady delivered",
        ...SOMETIMES_OPEN.slice(1).flatMap((trick) => [
          `${trick} blocked-address`,
          `${trick} delivered`,
        ]),
      ].toSorted(),
    );
    const delivered = [...outcomes].filter(([what]) => what.endsWith("delivered"));
    expect(door.requests).toHaveLength(delivered.reduce((sum, [, count]) => sum + count, 0));
  },
  { timeout: 120_000 },
);
