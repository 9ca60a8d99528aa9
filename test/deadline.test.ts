import { expect, test } from "bun:test";
import { Deadline, EXPIRED, responsiveNow } from "../src/deadline.ts";

const never = new Promise<never>(() => {});

test("a deadline that passes aborts its signal and ends the race", async () => {
  const deadline = new Deadline(5);
  expect(await deadline.race(never)).toBe(EXPIRED);
  expect(deadline.signal.aborted).toBe(true);
  expect(deadline.hasPassed).toBe(true);
});

test("a race returns the result of work that ends first, or its rejection", async () => {
  const deadline = new Deadline(60_000);
  expect(await deadline.race(Promise.resolve(7))).toBe(7);
  const fault = new Error("work");
  const thrown = await deadline.race(Promise.reject(fault)).catch((error: unknown) => error);
  expect(thrown).toBe(fault);
  deadline.clear();
});

test("a deadline can be shortened", async () => {
  const deadline = new Deadline(60_000);
  deadline.shortenTo(5);
  expect(await deadline.race(never)).toBe(EXPIRED);
});

test("shortenTo never makes a deadline longer", async () => {
  const deadline = new Deadline(5);
  deadline.shortenTo(60_000);
  expect(await deadline.race(never)).toBe(EXPIRED);
});

test("a cleared deadline does not pass", async () => {
  const cleared = new Deadline(1);
  cleared.clear();
  await new Deadline(5).race(never);
  expect(cleared.hasPassed).toBe(false);
});

test("the responsive clock stops while the event loop is blocked", async () => {
  const deadline = new Deadline(60_000);
  const startedAt = responsiveNow();
  while (responsiveNow() - startedAt < 100) await Bun.sleep(1);

  const heldAt = responsiveNow();
  const until = performance.now() + 500;
  while (performance.now() < until);
  // The timer's period always counts.
  expect(responsiveNow() - heldAt).toBeLessThan(250);
  await Bun.sleep(1);
  expect(responsiveNow() - heldAt).toBeLessThan(250);
  deadline.clear();
});
