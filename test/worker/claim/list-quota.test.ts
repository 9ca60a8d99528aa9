import { expect, test } from "bun:test";
import { ListShare } from "../../../src/worker/claim/list-quota.ts";

test("all, while no lane is served", () => {
  const share = new ListShare();
  expect(share.take(0)).toBe(Number.POSITIVE_INFINITY);
  share.serve(0, 1_000);
  expect(share.take(1_000)).toBe(Number.POSITIVE_INFINITY);
});

test("one for each two out of lanes, as soon as these are many", () => {
  const share = new ListShare();
  share.serve(200, 1_000);
  expect(share.take(1_000)).toBe(100);
  share.serve(63, 1_001);
  expect(share.take(1_001)).toBe(0);
  share.serve(1, 1_002);
  expect(share.take(1_002)).toBe(32);
});

test("a few after 50 ms, however slowly lanes are served", () => {
  const share = new ListShare();
  share.serve(200, 1_000);
  share.take(1_000);
  share.serve(1, 1_030);
  expect(share.take(1_049)).toBe(0);
  expect(share.take(1_050)).toBe(32);
});

test("all again, 50 ms after the last that came out of a lane", () => {
  const share = new ListShare();
  share.serve(200, 1_000);
  share.take(1_000);
  expect(share.take(1_049)).toBe(0);
  expect(share.take(1_050)).toBe(Number.POSITIVE_INFINITY);
});
