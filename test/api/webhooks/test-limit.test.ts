import { expect, test } from "bun:test";
import { TestLimit, type TestPermit } from "../../../src/api/webhooks/test-limit.ts";

const MINUTE_MS = 60_000;

function granted(permit: TestPermit) {
  if (!permit.granted) throw new Error(`refused: ${permit.detail}`);
  return permit;
}

test("two tests of one webhook may be under way, a third waits for one of them", () => {
  const budget = new TestLimit();
  const first = granted(budget.take("user:u_1", "wh_1", 0));
  granted(budget.take("user:u_1", "wh_1", 0));
  expect(budget.take("user:u_1", "wh_1", 0)).toMatchObject({ granted: false, retryAfterS: 5 });
  // Another webhook has room of its own.
  granted(budget.take("user:u_1", "wh_2", 0)).done();
  first.done();
  granted(budget.take("user:u_1", "wh_1", 0));
});

test("an owner has twenty a minute over all its webhooks, and others have their own", () => {
  const budget = new TestLimit();
  for (let n = 0; n < 20; n++) granted(budget.take("user:u_1", `wh_${n}`, n)).done();
  expect(budget.take("user:u_1", "wh_20", 1_000)).toEqual({
    granted: false,
    retryAfterS: 59,
    detail: "an owner's webhooks are tested 20 times a minute at most",
  });
  granted(budget.take("org:u_1", "wh_21", 1_000)).done();
  expect(budget.take("user:u_1", "wh_20", MINUTE_MS - 1)).toMatchObject({ granted: false });
  granted(budget.take("user:u_1", "wh_20", MINUTE_MS));
});

test("what is refused counts for nothing", () => {
  const budget = new TestLimit();
  const running = [1, 2].map(() => granted(budget.take("user:u_1", "wh_1", 0)));
  for (let n = 0; n < 30; n++) budget.take("user:u_1", "wh_1", 0);
  for (const permit of running) permit.done();
  for (let n = 0; n < 18; n++) granted(budget.take("user:u_1", "wh_1", 0)).done();
  expect(budget.take("user:u_1", "wh_1", 0).granted).toBe(false);
});
