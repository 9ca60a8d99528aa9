import { expect, test } from "bun:test";
import { TestLimit, type TestPermit } from "../../../src/api/webhooks/test-limit.ts";

const MINUTE_MS = 60_000;

function granted(permit: TestPermit) {
  if (!permit.granted) throw new Error(`refused: ${permit.detail}`);
  return permit;
}

test("two tests of one webhook may run at a time, and a third one after one of them has ended", () => {
  const limit = new TestLimit();
  const first = granted(limit.take("user:u_1", "wh_1", 0));
  granted(limit.take("user:u_1", "wh_1", 0));
  expect(limit.take("user:u_1", "wh_1", 0)).toMatchObject({ granted: false, retryAfterS: 5 });
  // Another webhook has room of its own.
  granted(limit.take("user:u_1", "wh_2", 0)).done();
  first.done();
  granted(limit.take("user:u_1", "wh_1", 0));
});

test("an owner has twenty tests a minute over all its webhooks, apart from other owners", () => {
  const limit = new TestLimit();
  for (let n = 0; n < 20; n++) granted(limit.take("user:u_1", `wh_${n}`, n)).done();
  expect(limit.take("user:u_1", "wh_20", 1_000)).toEqual({
    granted: false,
    retryAfterS: 59,
    detail: "the webhooks of an owner can be tested at most 20 times a minute",
  });
  granted(limit.take("org:u_1", "wh_21", 1_000)).done();
  expect(limit.take("user:u_1", "wh_20", MINUTE_MS - 1)).toMatchObject({ granted: false });
  granted(limit.take("user:u_1", "wh_20", MINUTE_MS));
});

test("a refused test does not count", () => {
  const limit = new TestLimit();
  const running = [1, 2].map(() => granted(limit.take("user:u_1", "wh_1", 0)));
  for (let n = 0; n < 30; n++) limit.take("user:u_1", "wh_1", 0);
  for (const permit of running) permit.done();
  for (let n = 0; n < 18; n++) granted(limit.take("user:u_1", "wh_1", 0)).done();
  expect(limit.take("user:u_1", "wh_1", 0).granted).toBe(false);
});
