import { afterAll, describe, expect, test } from "bun:test";
import { useOpened, useStops } from "./use-opened.ts";

class Counter {
  #count = 0;
  next() {
    return (this.#count += 1);
  }
}

const closed: Counter[] = [];

describe("useOpened", () => {
  const counter = useOpened(
    async () => new Counter(),
    (one) => closed.push(one),
  );
  let readTooEarly: unknown;
  try {
    counter.next();
  } catch (error) {
    readTooEarly = error;
  }

  test("useOpened throws where the value is read before it was opened", () => {
    expect(String(readTooEarly)).toBe("Error: next was read before it was opened");
  });

  test("useOpened gives all tests the same value", () => {
    expect([counter.next(), counter.next()]).toEqual([1, 2]);
  });

  test("useOpened closes the value after the last test, not before", () => {
    expect(counter.next()).toBe(3);
    expect(closed).toEqual([]);
  });
});

test("useOpened has closed the value after its describe", () => {
  expect(closed.map((counter) => counter.next())).toEqual([4]);
});

describe("useStops", () => {
  const stopped: string[] = [];
  const afterTest = useStops();
  afterAll(() => expect(stopped).toEqual(["first", "second"]));

  test.each(["first", "second"])("useStops stops what the %s test started, after it", (name) => {
    afterTest(() => stopped.push(name));
    expect(stopped).not.toContain(name);
  });
});
