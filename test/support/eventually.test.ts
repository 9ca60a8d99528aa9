import { expect, test } from "bun:test";

import { eventually } from "./eventually.ts";

test("eventually gives the first value that is not null, false, 0 or empty", async () => {
  const values = [null, false, 0, "", "found"];
  expect(await eventually(() => values.shift() ?? null)).toBe("found");
  expect(values).toEqual([]);
});

test("eventually runs assertions until they hold", async () => {
  let count = 0;
  await eventually(() => expect(++count).toBe(3));
  expect(count).toBe(3);
});

test("eventually reports the last value when its time is over", () => {
  expect(eventually(() => 0, { withinMs: 5 })).rejects.toThrow("the last value was 0");
});

test("eventually reports what the last check threw when its time is over", () => {
  const failing = () => Promise.reject(new Error("no such key"));
  expect(eventually(failing, { withinMs: 5 })).rejects.toThrow(
    "not within 5 ms; the last check threw: no such key",
  );
});

test("eventually does not compile with a check that finds undefined, which would pass at once", async () => {
  const found: string | undefined = ["a"].at(0);
  // @ts-expect-error: the type says to write `?? null`
  await eventually(() => found);
});
