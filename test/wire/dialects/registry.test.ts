import { expect, test } from "bun:test";
import { DEFAULTS } from "../../../src/wire/dialects/dialect.ts";
import {
  CATALOGUE,
  DIALECT_NAMES,
  dialectOf,
  headersOf,
} from "../../../src/wire/dialects/registry.ts";
import { isEventType } from "../../../src/wire/event-pattern.ts";
import { MAX_TIMEOUT_MS, webhookCreateSchema } from "../../../src/wire/webhook.ts";

test("every dialect is found under its own name, and the first is the default", () => {
  expect(DIALECT_NAMES[0]).toBe("fluxdrop");
  for (const name of DIALECT_NAMES) expect(dialectOf(name).name).toBe(name);
});

test("no two dialects share a header, which would let one dialect forge requests of the other", () => {
  const headers = headersOf(DIALECT_NAMES.map(dialectOf)).map((name) => name.toLowerCase());
  expect(headers.filter((name, at) => headers.indexOf(name) !== at)).toEqual([]);
});

test("the catalogue has the types of all dialects, and each is a valid event type", () => {
  const named = DIALECT_NAMES.flatMap((name) => [...dialectOf(name).catalogue]);
  expect([...CATALOGUE].toSorted()).toEqual(named.toSorted());
  expect(named.filter((type) => !isEventType(type))).toEqual([]);
});

test.each(DIALECT_NAMES)("the defaults of %s are values that a user could set", (name) => {
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
});

test("the default schedule of a dialect is 0s, 1m, 5m, 30m, 2h (docs/design.md §2.3)", () => {
  expect(DEFAULTS.retryScheduleMs).toEqual([0, 60_000, 300_000, 1_800_000, 7_200_000]);
});
