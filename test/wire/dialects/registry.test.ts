import { expect, test } from "bun:test";
import { CATALOGUE, DIALECT_NAMES, dialectOf } from "../../../src/wire/dialects/registry.ts";
import { isEventType } from "../../../src/wire/event-pattern.ts";
import { MAX_TIMEOUT_MS, webhookCreateSchema } from "../../../src/wire/webhook.ts";

test("the four dialects of DESIGN §2.3 are found under their own names, the default first", () => {
  expect(DIALECT_NAMES).toEqual(["fluxdrop", "fluxdesk", "flux", "standard"]);
  for (const name of DIALECT_NAMES) expect(dialectOf(name).name).toBe(name);
});

test("the catalogue is what the dialects name, without a type that no event could have", () => {
  const named = DIALECT_NAMES.flatMap((name) => [...dialectOf(name).catalogue]);
  expect([...CATALOGUE].toSorted()).toEqual(named.toSorted());
  expect(named.filter((type) => !isEventType(type))).toEqual([]);
});

test.each(DIALECT_NAMES)("what %s gives as defaults, a user could have set", (name) => {
  const { timeoutMs, retryScheduleMs, disableRule } = dialectOf(name);
  const webhook = webhookCreateSchema.parse({
    user_id: "u_1",
    url: "https://example.com/",
    dialect: name,
    timeout_ms: timeoutMs,
    retry_schedule: retryScheduleMs.map((ms) => `${ms}ms`),
    disable_rule: disableRule,
  });
  expect(webhook).toMatchObject({ dialect: name, disable_rule: disableRule });
  expect(timeoutMs).toBeLessThanOrEqual(MAX_TIMEOUT_MS);
  // DESIGN §2.4: "Schedule of all dialects unless set".
  expect(retryScheduleMs).toEqual([0, 60_000, 300_000, 1_800_000, 7_200_000]);
});
