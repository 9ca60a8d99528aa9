import { describe, expect, test } from "bun:test";
import { Deadline } from "../../src/deadline.ts";
import { readTarget } from "../../src/delivery/guard/target.ts";
import type { Answer } from "../../src/delivery/http/answer.ts";
import type { SendRequest } from "../../src/delivery/http/send.ts";
import { withSessions, type Sending } from "../../src/tunnel/divert.ts";
import type { ForwardOutcome, RequestToForward } from "../../src/tunnel/broker.ts";
import { ValkeyUnavailable } from "../../src/valkey/connection/errors.ts";
import { listenUrl } from "../../src/wire/tunnel.ts";

const SENT_OUT: Answer = { kind: "failure", reason: "dns", code: "sent-out" };
/** Answers `sent-out` for deliveries that would be sent over HTTP. */
const egress: Sending = {
  guard: { check: () => ({ verdict: "unresolved", reason: "dns", detail: "sent-out" }) },
  send: async () => SENT_OUT,
};

function target(url: string) {
  const read = readTarget(url);
  if (read === null) throw new Error("it is a URL");
  return read;
}

async function send(url: string, forward: () => Promise<ForwardOutcome>) {
  const came: [string, RequestToForward][] = [];
  const { send: sendTo } = withSessions(egress, {
    forward: (session, request) => {
      came.push([session, request]);
      return forward();
    },
  });
  const deadline = new Deadline(10_000);
  const request: SendRequest = {
    target: target(url),
    addresses: [],
    headers: { "webhook-id": "evt_1", Connection: "close" },
    body: new TextEncoder().encode("{}"),
    deadline,
  };
  try {
    return { answer: await sendTo(request), came };
  } finally {
    deadline.clear();
  }
}

const answered = (status: number, value?: string): ForwardOutcome => ({
  kind: "answered",
  answer: {
    status,
    headers: value === undefined ? [] : [{ name: "Retry-After", value }],
    body: Buffer.alloc(0),
  },
});

describe("a delivery to a session", () => {
  test.each<[string, ForwardOutcome, object]>([
    ["answered 200", answered(200), { kind: "response", status: 200, retryAfter: null }],
    ["answered 429", answered(429, "7"), { kind: "response", status: 429, retryAfter: "7" }],
    ["kept for a client that is away", { kind: "waiting" }, { kind: "response", status: 202 }],
    ["one too many", { kind: "full" }, { kind: "response", status: 503 }],
    ["not answered in time", { kind: "late" }, { kind: "failure", reason: "timeout" }],
    [
      "too late for its session",
      { kind: "ended" },
      { kind: "failure", reason: "connection-refused" },
    ],
  ])("that is %s", async (_, outcome, expected) => {
    const { answer } = await send(listenUrl("abc"), async () => outcome);
    expect(answer).toMatchObject(expected);
  });

  test("fails without throwing during an outage of Valkey", async () => {
    const { answer } = await send(listenUrl("abc"), async () => {
      throw new ValkeyUnavailable("away");
    });
    expect(answer).toMatchObject({ kind: "failure", reason: "connection-failed" });
  });

  test("carries the signed headers and bytes to the session in its url", async () => {
    const { came } = await send(listenUrl("A-b_9"), async () => answered(200));
    expect(came).toMatchObject([
      ["A-b_9", { method: "POST", path: "", headers: [{ name: "webhook-id", value: "evt_1" }] }],
    ]);
  });

  test("is allowed without a check of addresses; all other deliveries go to the guard and the sender", async () => {
    const { guard } = withSessions(egress, { forward: async () => answered(200) });
    const deadline = new Deadline(1_000);
    const urls = [listenUrl("abc"), "https://example.com/", "fluxhook-listener://abc"];
    const verdicts = await Promise.all(urls.map(async (url) => guard.check(target(url), deadline)));
    deadline.clear();
    expect(verdicts.map(({ verdict }) => verdict)).toEqual(["allowed", "unresolved", "unresolved"]);
    const { answer, came } = await send("https://example.com/", async () => answered(200));
    expect([answer, came]).toEqual([SENT_OUT, []]);
  });
});
