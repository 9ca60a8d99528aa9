import { describe, expect, test } from "bun:test";
import { rotateSecret } from "../../src/control/rotate-secret.ts";
import type { WebhookRecord } from "../../src/wire/webhook.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";

describe("a rotation during the grace of another one", () => {
  const HOUR_MS = 3_600_000;
  const NOW_MS = Date.parse("2026-01-02T00:00:00.000Z");
  const at = (ms: number) => new Date(NOW_MS + ms).toISOString();
  const with2 = webhookRecord({
    secrets: [
      { secret: "second", expires_at: null },
      { secret: "first", expires_at: at(HOUR_MS) },
    ],
  });
  const after = (current: WebhookRecord, secret: string, graceMs: number) =>
    rotateSecret(current, { secret, graceMs, nowMs: NOW_MS }).secrets.map((one) => [
      one.secret,
      one.expires_at,
    ]);

  test("keeps an earlier end of a grace, and sets an end where there was none", () => {
    expect(after(with2, "third", 5 * HOUR_MS)).toEqual([
      ["third", null],
      ["second", at(5 * HOUR_MS)],
      ["first", at(HOUR_MS)],
    ]);
  });

  test("with a shorter grace shortens all, and with a grace of 0 ends all", () => {
    expect(after(with2, "third", 1_000)).toEqual([
      ["third", null],
      ["second", at(1_000)],
      ["first", at(1_000)],
    ]);
    expect(after(with2, "third", 0)).toEqual([["third", null]]);
  });

  test("drops the oldest of more than three secrets", () => {
    const with3 = rotateSecret(with2, { secret: "third", graceMs: HOUR_MS, nowMs: NOW_MS });
    expect(after(with3, "fourth", HOUR_MS).map(([secret]) => secret)).toEqual([
      "fourth",
      "third",
      "second",
    ]);
  });

  test("to the same secret, repeated because the answer was lost, changes nothing", () => {
    expect(after(with2, "second", HOUR_MS * 24)).toEqual([
      ["second", null],
      ["first", at(HOUR_MS)],
    ]);
  });

  test("back to the previous secret makes it the newest, and it signs once", () => {
    expect(after(with2, "first", HOUR_MS)).toEqual([
      ["first", null],
      ["second", at(HOUR_MS)],
    ]);
  });

  test("leaves out expired secrets", () => {
    const old = { ...with2, secrets: [with2.secrets[0]!, { secret: "x", expires_at: at(-1) }] };
    expect(after(old, "third", HOUR_MS).map(([secret]) => secret)).toEqual(["third", "second"]);
  });
});
