import { expect, test } from "bun:test";
import { ListQuota } from "../../../src/worker/claim/list-quota.ts";

test("the list quota is all while no lane is served", () => {
  const quota = new ListQuota();
  expect(quota.allow(0)).toBe(Number.POSITIVE_INFINITY);
  quota.laneServed(0, 1_000);
  expect(quota.allow(1_000)).toBe(Number.POSITIVE_INFINITY);
});

test("the list quota is one for every two out of lanes, as soon as these are many", () => {
  const quota = new ListQuota();
  quota.laneServed(200, 1_000);
  expect(quota.allow(1_000)).toBe(100);
  quota.laneServed(63, 1_001);
  expect(quota.allow(1_001)).toBe(0);
  quota.laneServed(1, 1_002);
  expect(quota.allow(1_002)).toBe(32);
});

test("the list quota is a few after 50 ms, however slowly lanes are served", () => {
  const quota = new ListQuota();
  quota.laneServed(200, 1_000);
  quota.allow(1_000);
  quota.laneServed(1, 1_030);
  expect(quota.allow(1_049)).toBe(0);
  expect(quota.allow(1_050)).toBe(32);
});

test("the list quota is all again 50 ms after the last delivery out of a lane", () => {
  const quota = new ListQuota();
  quota.laneServed(200, 1_000);
  quota.allow(1_000);
  expect(quota.allow(1_049)).toBe(0);
  expect(quota.allow(1_050)).toBe(Number.POSITIVE_INFINITY);
});
