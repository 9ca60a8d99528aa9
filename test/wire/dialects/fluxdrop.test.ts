import { expect, test } from "bun:test";
import { fluxdrop } from "../../../src/wire/dialects/fluxdrop.ts";
import { isEventType } from "../../../src/wire/event-pattern.ts";

test("the fluxdrop envelope has its four members in order, with data unchanged", () => {
  const input = { id: "evt_1", type: "file.created", timestamp: "2026-01-31T12:00:00Z" };
  expect(fluxdrop.envelope({ ...input, data: '{"n": 1.0}' })).toBe(
    '{"id":"evt_1","event":"file.created","timestamp":"2026-01-31T12:00:00Z","data":{"n": 1.0}}',
  );
});

test("the fluxdrop dialect has the ten types, 10 s and the schedule of docs/design.md §2.4", () => {
  expect(fluxdrop.catalogue).toHaveLength(10);
  expect(fluxdrop.catalogue.every(isEventType)).toBe(true);
  expect(fluxdrop.timeoutMs).toBe(10_000);
  expect(fluxdrop.retryScheduleMs).toEqual([0, 60_000, 300_000, 1_800_000, 7_200_000]);
  expect(fluxdrop.disableRule).toEqual({ failing_for: "5d" });
});
