import { expect, test } from "bun:test";
import {
  applyPatch,
  disable,
  enable,
  toPublic,
  NO_HEALTH,
} from "../../src/control/webhook-changes.ts";
import { webhookRecord } from "../valkey/webhooks/webhook-records.ts";

const AT = "2026-01-02T03:04:05.000Z";

test.each(["manual", "gone", "failing"] as const)(
  "disable sets the reason %p and the time, and changes nothing else",
  (reason) => {
    const current = webhookRecord();
    expect(disable(current, reason, AT)).toEqual({
      ...current,
      enabled: false,
      disabled_reason: reason,
      updated_at: AT,
    });
  },
);

test("enable clears the reason", () => {
  const current = disable(webhookRecord(), "failing", AT);
  expect(enable(current, AT)).toMatchObject({ enabled: true, disabled_reason: null });
});

test("a patch that disables a webhook is by hand; one that leaves it disabled keeps the reason", () => {
  const current = webhookRecord();
  expect(applyPatch(current, { enabled: false }, AT).disabled_reason).toBe("manual");
  const gone = disable(current, "gone", AT);
  expect(applyPatch(gone, { enabled: false, description: "a" }, AT).disabled_reason).toBe("gone");
  expect(applyPatch(gone, { enabled: true }, AT).disabled_reason).toBeNull();
});

test("the public form of a webhook has no secrets", () => {
  expect(toPublic(webhookRecord(), NO_HEALTH)).not.toHaveProperty("secrets");
});
