// Why an attempt failed, in words: each of the closed set of reasons, with the facts that were seen.
import { describe, expect, test } from "bun:test";
import {
  nextStepInWords,
  timingInWords,
  timingParts,
  whyInWords,
  whyNotRedeliver,
} from "../../../src/dashboard/web/failure-words.ts";
import type { AttemptInFull } from "../../../src/sdk/api-types.ts";
import { ATTEMPT_REASONS, type LogEntry } from "../../../src/wire/log-entry.ts";

const NOW = new Date("2026-11-28T12:00:00Z");

function entryOf(reason: string, fields: Partial<LogEntry> = {}): LogEntry {
  return {
    delivery_id: "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001",
    webhook_id: "wh_1",
    id: "evt_1",
    endpoint: "https://hooks.example.com/in",
    event: "file.created",
    status_code: null,
    duration_ms: 1,
    attempt: 1,
    outcome: "retry",
    reason,
    next_attempt_at: null,
    timestamp: NOW.toISOString(),
    ...fields,
  };
}

type Failure = NonNullable<AttemptInFull["failure"]>;
const failed = (fields: Partial<Failure>) => ({
  failure: { phase: null, code: null, timeout_ms: null, certificate: null, ...fields },
  response: null,
});
const certificate = (fields: Partial<NonNullable<Failure["certificate"]>>) =>
  failed({
    certificate: {
      valid_from: "2026-01-01T00:00:00.000Z",
      valid_to: "2126-01-01T00:00:00.000Z",
      names: ["a.example", "*.b.example"],
      issuer: "Some CA",
      is_self_signed: false,
      ...fields,
    },
  });

test.each(ATTEMPT_REASONS)("the reason %s is a sentence, with and without facts", (reason) => {
  for (const shown of [null, failed({}), certificate({})]) {
    const text = whyInWords(entryOf(reason), shown, NOW);
    expect(text).toMatch(/^[A-Z].*[.?]$/);
    expect(text).not.toStartWith("It failed:");
  }
});

test.each<[string, Parameters<typeof whyInWords>[1], string]>([
  [
    "tls-expired",
    certificate({ valid_to: "2026-11-03T10:00:00.000Z" }),
    "The server's certificate has expired on 3 November 2026.",
  ],
  [
    "tls-expired",
    certificate({ valid_from: "2026-12-24T00:00:00.000Z" }),
    "The server's certificate is not valid before 24 December 2026.",
  ],
  [
    "tls-wrong-name",
    certificate({}),
    "The server's certificate is for a.example, *.b.example, and not for hooks.example.com.",
  ],
  [
    "tls-untrusted",
    certificate({ is_self_signed: true }),
    "The server's certificate is self-signed: no authority has signed it.",
  ],
  ["tls-untrusted", certificate({}), "issued by Some CA, which is not trusted"],
  [
    "timeout",
    failed({ phase: "response", timeout_ms: 10_000 }),
    "The server did not answer within 10 s; the time was over after the request was sent.",
  ],
  ["timeout", failed({ phase: "connect", timeout_ms: 2_500 }), "within 2.5 s; the time was over"],
  ["dns", failed({ phase: "resolve", code: "ENOTFOUND" }), "hooks.example.com could not be"],
])("%s: the facts are in the sentence", (reason, shown, text) => {
  expect(whyInWords(entryOf(reason), shown, NOW)).toContain(text);
});

test("a Retry-After and the host of a redirect are in the sentence", () => {
  const response = {
    status: 429,
    status_text: "",
    headers: [{ name: "Retry-After", value: "120" }],
    is_head_cut: false,
    excerpt: "",
    is_text: true,
    is_cut: false,
    size: 0,
  };
  const shown = { failure: null, response };
  expect(whyInWords(entryOf("http-429"), shown, NOW)).toEndWith("Retry-After is 120 s.");
  const redirect = entryOf("http-308", { redirect_host: "new.example" });
  expect(whyInWords(redirect, shown, NOW)).toEndWith("This one leads to new.example.");
});

describe("what happens next", () => {
  const shown = (fields: Partial<AttemptInFull>) =>
    ({
      state: "ended",
      next_attempt_at: null,
      remaining_attempts: null,
      parked_until: null,
      attempts: [],
      redeliver: { possible: true, why_not: null },
      ...fields,
    }) as AttemptInFull;

  test.each<[Partial<AttemptInFull>, string]>([
    [{ state: "scheduled", remaining_attempts: 4 }, "then 3 times more"],
    [{ state: "scheduled", remaining_attempts: 2 }, "then once more"],
    [{ state: "scheduled", remaining_attempts: 1 }, "for the last time"],
    [{ state: "in-flight" }, "under way"],
    [{ state: "parked", parked_until: "2026-12-01T00:00:00Z" }, "can be redelivered until"],
    [{ attempts: [entryOf("", { outcome: "delivered" })] }, "It is delivered."],
    [{ attempts: [entryOf("", { outcome: "delivered", attempt: 3 })] }, "with attempt 3"],
    [{ attempts: [entryOf("http-500", { outcome: "parked" })] }, "no longer parked"],
    [{ redeliver: { possible: false, why_not: "test" } }, "A test is sent once."],
    [{ state: "unknown" }, "no longer kept"],
  ])("%j", (fields, text) => {
    expect(nextStepInWords(shown(fields))).toContain(text);
  });

  test("why it cannot be redelivered is said for each cause but a test", () => {
    const causes = [
      "in-flight",
      "webhook-disabled",
      "webhook-deleted",
      "body-not-kept",
      "not-kept",
    ] as const;
    for (const why_not of causes) {
      expect(whyNotRedeliver(shown({ redeliver: { possible: false, why_not } }))).toMatch(/\.$/);
    }
    expect(whyNotRedeliver(shown({}))).toBeNull();
  });
});

test("the timing leaves out what an attempt did not have", () => {
  const timing = { slot_ms: 0, resolve_ms: 2, connect_ms: null, tls_ms: null, response_ms: 12.5 };
  expect(timingParts(timing).map(({ ms }) => ms)).toEqual([0, 2, 12.5]);
  expect(timingInWords(timing)).toEndWith("on a connection that was open");
});
