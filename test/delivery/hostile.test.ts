// Each kind of hostile receiver costs an attempt at most its deadline and bounded memory, leaves nothing
// behind, and gets the right reason.
import { describe, expect, test } from "bun:test";
import { createServer, type AddressInfo } from "node:net";
import { deliver } from "../../src/delivery/deliver.ts";
import type { Drain } from "../../src/delivery/http/answer.ts";
import type { Reason } from "../../src/delivery/judge.ts";
import {
  HOSTILE_KINDS,
  startHostileReceiver,
  type HostileKind,
} from "../support/hostile-receiver.ts";
import { hang, startReceiver } from "../support/receiver.ts";
import { delivery, deps, sendTo } from "./attempt.ts";

interface Expected {
  /** Null if it is delivered. */
  reason: Reason | null;
  /** More about the reason. */
  detail?: string;
  /** How the body ended; "ended" leaves the connection to the next request. */
  drain: Drain;
}

const DEADLINE: Expected = { reason: "timeout", drain: "ended" };
const RESET: Expected = { reason: "connection-reset", detail: "ECONNRESET", drain: "ended" };
const TOO_LARGE: Expected = {
  reason: "bad-response",
  detail: "head-too-large",
  drain: "ended",
};
const MALFORMED: Expected = {
  reason: "bad-response",
  detail: "malformed-response",
  drain: "ended",
};
const delivered = (drain: Drain): Expected => ({ reason: null, drain });
const answered = (status: number): Expected => ({ reason: `http-${status}`, drain: "ended" });

const EXPECTED: Readonly<Record<HostileKind, Expected>> = {
  silent: DEADLINE,
  "slow-head": DEADLINE,
  "stops-in-head": DEADLINE,
  "endless-1xx": DEADLINE,
  "endless-fat-1xx": DEADLINE,
  "endless-headers": TOO_LARGE,
  "endless-header": TOO_LARGE,
  "endless-reason": TOO_LARGE,
  "many-headers": TOO_LARGE,
  "huge-head": delivered("ended"),
  "huge-head-that-stops": DEADLINE,
  "spaces-in-head": MALFORMED,
  "slow-body": delivered("too-long"),
  "short-slow-body": delivered("unfinished"),
  "body-never-comes": delivered("too-long"),
  "endless-body": delivered("too-long"),
  "endless-chunks": delivered("too-long"),
  "endless-chunk-size": delivered("too-long"),
  "endless-chunk-extension": delivered("too-long"),
  "endless-trailers": delivered("too-long"),
  "gzip-bomb": delivered("too-long"),
  "brotli-bomb": delivered("ended"),
  "closes-at-once": RESET,
  "resets-at-once": RESET,
  "resets-after-request": RESET,
  "resets-in-head": RESET,
  "resets-in-body": delivered("unfinished"),
  "half-open": answered(500),
  "answers-twice": answered(500),
  "not-http": MALFORMED,
  "redirects-inside": answered(307),
  "redirects-to-a-file": answered(302),
  "redirects-to-itself": answered(308),
  "tls-silent": DEADLINE,
  "tls-plain-text": { reason: "tls", detail: "ERR_SSL_WRONG_VERSION_NUMBER", drain: "ended" },
  "tls-stops": DEADLINE,
  "tls-closes": RESET,
};

/** Attempts that do not end at the deadline must end long before it. */
const timeoutFor = ({ reason }: Expected) => (reason === "timeout" ? 300 : 30_000);

describe("a receiver of the kind", () => {
  test.each(HOSTILE_KINDS)(
    "an attempt to a hostile receiver ends as it should: %s",
    async (kind) => {
      const expected = EXPECTED[kind];
      const receiver = await startHostileReceiver(kind);
      const attempt = await deliver(
        delivery(receiver.url, { timeoutMs: timeoutFor(expected) }),
        deps(),
      );
      expect(attempt.outcome.reason).toBe(expected.reason);
      expect(attempt.outcome.outcome).toBe(expected.reason === null ? "delivered" : "retry");
      expect(attempt.detail).toBe(expected.detail ?? null);
      expect(await attempt.drained).toBe(expected.drain);
      expect(receiver.connections).toHaveLength(1);
      // The whole bomb may arrive before it is cut off; a complete answer keeps its connection.
      const isWhole =
        attempt.outcome.statusCode !== null && (expected.drain === "ended" || kind === "gzip-bomb");
      if (!isWhole) await receiver.connections[0]?.closed;
      await receiver.stop();
    },
  );

  test("a half-open connection costs only the next request on it its deadline", async () => {
    const receiver = await startHostileReceiver("half-open");
    const first = await deliver(delivery(receiver.url), deps());
    await first.drained;
    const second = await deliver(delivery(receiver.url, { timeoutMs: 300 }), deps());
    expect(second.outcome).toHaveProperty("reason", "timeout");
    expect(receiver.connections).toHaveLength(1);
    await receiver.connections[0]?.closed;
    await receiver.stop();
  });

  test("a second answer does not become the answer to the next request", async () => {
    const receiver = await startHostileReceiver("answers-twice");
    for (let sent = 0; sent < 5; sent++) {
      const attempt = await deliver(delivery(receiver.url), deps());
      await attempt.drained;
      expect(attempt.outcome.statusCode).toBe(500);
    }
    await receiver.stop();
  });

  test("an attempt to a receiver that never reads ends at the deadline, whatever the size of the body", async () => {
    const closed = Promise.withResolvers<void>();
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on("error", () => {});
      socket.on("close", () => closed.resolve());
    });
    const listening = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    const { port } = server.address() as AddressInfo;
    const answer = await sendTo(`http://receiver.test:${port}/`, {
      body: "x".repeat(16 << 20),
      timeoutMs: 300,
    });
    expect(answer).toEqual({ kind: "failure", reason: "timeout", code: null });
    server.close();
  });
});

describe("all kinds at once", () => {
  test("all hostile receivers at once leave room for others, and their attempts end", async () => {
    const receivers = await Promise.all(HOSTILE_KINDS.map((kind) => startHostileReceiver(kind)));
    const attempts = await Promise.all(
      receivers.flatMap(({ url }) =>
        Array.from({ length: 8 }, () => deliver(delivery(url, { timeoutMs: 1_500 }), deps())),
      ),
    );
    await Promise.all(attempts.map(({ drained }) => drained));
    // This many can be in flight only if no slot is still held.
    const hanging = startReceiver(hang);
    const held = Array.from({ length: 256 }, () => sendTo(hanging.url));
    await hanging.waitFor(256);
    await Promise.all([...receivers.map((receiver) => receiver.stop()), hanging.stop()]);
    await Promise.all(held);
  });

  const GREEDY = HOSTILE_KINDS.filter((kind) => /bomb|huge|endless|many/.test(kind));
  const AT_ONCE = 20;
  /** At most 64 KiB of a head are held, plus the bytes read ahead of a body. */
  const MAX_MIB = 64;

  test(`${AT_ONCE} attempts to any hostile receiver cost at most ${MAX_MIB} MiB`, async () => {
    const receivers = await Promise.all(GREEDY.map((kind) => startHostileReceiver(kind)));
    const well = startReceiver();
    // In its own process, because this one holds the bytes that the receivers send.
    const program = `
      import { sendTo } from ${JSON.stringify(import.meta.resolve("./attempt.ts"))};
      let most = 0;
      setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
      for (const url of ${JSON.stringify([well.url, ...receivers.map(({ url }) => url)])}) {
        Bun.gc(true);
        const before = most = process.memoryUsage.rss();
        await Promise.all(Array.from({ length: ${AT_ONCE} }, async () => {
          const answer = await sendTo(url, { timeoutMs: 700 });
          if (answer.kind === "response") await answer.drained;
        }));
        console.log(most - before);
      }
      process.exit(0);`;
    const child = Bun.spawn(["bun", "-e", program], { stdout: "pipe", stderr: "inherit" });
    const [, ...grown] = (await child.stdout.text()).trim().split("\n").map(Number);
    expect(await child.exited).toBe(0);
    const found = GREEDY.map((kind, i) => ({
      kind,
      grownMib: Math.round((grown[i] ?? Infinity) / 2 ** 20),
    }));
    expect(found.filter((one) => one.grownMib > MAX_MIB)).toEqual([]);
    await Promise.all([...receivers.map((receiver) => receiver.stop()), well.stop()]);
  });
});
