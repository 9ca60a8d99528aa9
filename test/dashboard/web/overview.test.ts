import { expect, test } from "bun:test";
import { NEED_KINDS } from "../../../src/control/needs.ts";
import {
  adviceOf,
  age,
  amount,
  bytes,
  milliseconds,
  nowOf,
  placeOf,
} from "../../../src/dashboard/web/overview-figures.ts";
import type { Series } from "../../../src/sdk/api-types.ts";

test.each(NEED_KINDS.map((kind) => [kind]))(
  "the need %s has a place to go to, or advice",
  (kind) => {
    const place = placeOf({ kind, about: "wh_1/x" });
    expect(place !== null || adviceOf(kind) !== "").toBeTrue();
    expect(place?.to ?? "").not.toContain("wh_1/x");
  },
);

test("the rate is of the steps that are over", () => {
  const columns = {
    delivered: [900, 10, 20, 30, 5],
    retry: [0, 0, 20, 0, 9],
    parked: [null, null, null, null, null],
    p95_ms: [1, 2, 3, null, null],
  };
  const series = { start: "", step_s: 10, series: columns } as unknown as Series;
  expect(nowOf(series)).toEqual({ deliveredPerS: 2, failing: 0.25, p95Ms: 3 });
});

test("without attempts nothing fails", () => {
  const none = { delivered: [], retry: [], parked: [], p95_ms: [] };
  const series = { start: "", step_s: 10, series: none } as unknown as Series;
  expect(nowOf(series)).toEqual({ deliveredPerS: 0, failing: null, p95Ms: null });
});

test("figures are written for people", () => {
  expect([amount(1_234), amount(0.25), amount(12.4), amount(0)]).toEqual([
    "1,234",
    "0.25",
    "12",
    "0",
  ]);
  expect([milliseconds(null), milliseconds(84), milliseconds(2_500)]).toEqual([
    "–",
    "84 ms",
    "2.5 s",
  ]);
  expect([age(5), age(90), age(7_260)]).toEqual(["5 s", "1 min 30 s", "2 h 1 min"]);
  expect([bytes(null), bytes(3 * 2 ** 20)]).toEqual(["unknown", "3 MiB"]);
});
