import { expect, test } from "bun:test";
import { forgetOldest } from "../src/bounded-map.ts";

const filled = (size: number) => new Map(Array.from({ length: size }, (_, i) => [i, i]));

test("a cache that is full loses an eighth, the oldest", () => {
  const cache = filled(16);
  forgetOldest(cache, 16);
  expect([...cache.keys()]).toEqual(Array.from({ length: 14 }, (_, i) => i + 2));
});

test("a small one loses the oldest, one that is not full nothing", () => {
  const small = filled(1);
  forgetOldest(small, 1);
  expect(small.size).toBe(0);
  const roomy = filled(15);
  forgetOldest(roomy, 16);
  expect(roomy.size).toBe(15);
});
