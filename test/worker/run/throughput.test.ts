import { expect, test } from "bun:test";
import { Throughput } from "../../../src/worker/run/throughput.ts";

test("throughput estimates how many attempts finish within a time, from the last ones", () => {
  const clock = { now: 0 };
  const throughput = new Throughput(() => clock.now);
  expect(throughput.within(25)).toBe(0);
  for (let window = 0; window < 50; window += 1) {
    clock.now += 20;
    for (let n = 0; n < 100; n += 1) throughput.add();
    throughput.within(25);
  }
  expect(throughput.within(25)).toBeCloseTo(125, 3);
});

test("throughput follows when attempts become fewer", () => {
  const clock = { now: 0 };
  const throughput = new Throughput(() => clock.now);
  for (let n = 0; n < 1_000; n += 1) throughput.add();
  clock.now += 20;
  expect(throughput.within(1)).toBe(12.5);
  clock.now += 10;
  // Too early to tell.
  expect(throughput.within(1)).toBe(12.5);
  clock.now += 10;
  expect(throughput.within(1)).toBe(9.375);
});
