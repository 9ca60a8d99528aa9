import { expect, test } from "bun:test";
import { BoundedMap } from "../src/bounded-map.ts";

const filled = (size: number, max: number) => {
  const map = new BoundedMap<number, number>(max);
  for (let i = 0; i < size; i += 1) map.set(i, i);
  return map;
};

test("a full map drops its oldest eighth for a new key", () => {
  const map = filled(16, 16);
  expect(map.size).toBe(16);
  map.set(16, 16);
  expect([...map.keys()]).toEqual(Array.from({ length: 15 }, (_, i) => i + 2));
});

test("a map of one entry drops it for a new key", () => {
  const map = filled(1, 1);
  map.set(1, 1);
  expect([...map.keys()]).toEqual([1]);
});

test("setting an existing key drops nothing and keeps its age", () => {
  const map = filled(8, 8);
  map.set(0, 100);
  expect(map.size).toBe(8);
  expect([...map][0]).toEqual([0, 100]);
});
