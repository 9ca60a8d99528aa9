// The pool alone; connection-reuse.test.ts tests what a receiver sees of it.
import { afterEach, describe, expect, jest, test } from "bun:test";
import { Socket } from "node:net";
import { Connection } from "../../../src/delivery/http/connection.ts";
import { ConnectionPool } from "../../../src/delivery/http/pool.ts";

const stops: (() => unknown)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

describe("ConnectionPool", () => {
  const nothing = () => {};
  /** Reports itself as open and leads nowhere. */
  function connectionTo(key: string): Connection {
    const connection = new Connection(new Socket(), {
      key,
      roundTripMs: 0,
      now: () => performance.now(),
      onFree: nothing,
      onClosed: nothing,
    });
    stops.push(() => connection.destroy());
    return connection;
  }
  const kept = (free: ConnectionPool, ...keys: string[]) =>
    keys.map((key) => {
      const connection = connectionTo(key);
      free.keep(connection);
      return connection;
    });

  test("gives out each connection once, the last used first, only for its own destination", () => {
    const free = new ConnectionPool();
    const [first, other, second] = kept(free, "a", "b", "a");
    expect(free.take("c")).toBeNull();
    expect(free.take("a")).toBe(second!);
    expect(free.take("a")).toBe(first!);
    expect(free.take("a")).toBeNull();
    expect(free.take("b")).toBe(other!);
    expect(free.take("b")).toBeNull();
  });

  test("treats a connection that comes back as the last used", () => {
    const free = new ConnectionPool();
    const [first, second] = kept(free, "a", "a");
    expect(free.take("a")).toBe(second!);
    free.forget(first!);
    free.keep(second!);
    free.keep(first!);
    expect(free.take("a")).toBe(first!);
    expect(free.take("a")).toBe(second!);
  });

  test("skips connections that have ended", () => {
    const free = new ConnectionPool();
    const [open, ended, alsoEnded] = kept(free, "a", "a", "a");
    ended!.destroy();
    alsoEnded!.destroy();
    expect(free.take("a")).toBe(open!);
    expect(free.take("a")).toBeNull();
    const [last] = kept(free, "a");
    last!.destroy();
    expect(free.take("a")).toBeNull();
  });

  test("does not give out a forgotten connection, only the others", () => {
    const free = new ConnectionPool();
    const [first, second, third] = kept(free, "a", "a", "a");
    free.forget(second!);
    free.forget(second!);
    free.forget(connectionTo("a"));
    free.forget(connectionTo("b"));
    expect(free.take("a")).toBe(third!);
    // It may also end while it is in use.
    free.forget(third!);
    expect(free.take("a")).toBe(first!);
    expect(free.take("a")).toBeNull();
  });

  test("keeps at most 1,024 connections and drops one of the oldest destination", () => {
    const free = new ConnectionPool();
    const [old, alsoOld] = kept(free, "old", "old");
    const others = kept(free, ...Array.from({ length: 1_022 }, (_, n) => `place ${n % 511}`));
    expect([old, alsoOld, ...others].every((connection) => connection!.isOpen)).toBe(true);
    kept(free, "new");
    expect([old!.isOpen, alsoOld!.isOpen]).toEqual([false, true]);
    kept(free, "new");
    expect(alsoOld!.isOpen).toBe(false);
    expect(free.take("old")).toBeNull();
    expect(others.every(({ isOpen }) => isOpen)).toBe(true);
    kept(free, "new");
    expect(others.map(({ isOpen }) => isOpen).indexOf(false)).toBe(0);
    expect(others.filter(({ isOpen }) => !isOpen)).toHaveLength(1);
  });

  test("counts connections correctly as they come and go", () => {
    const free = new ConnectionPool();
    const [old] = kept(free, "old");
    for (let n = 0; n < 3_000; n++) {
      const [taken, forgotten, ended] = kept(free, "a", "b", "c");
      expect(free.take("a")).toBe(taken!);
      free.forget(forgotten!);
      ended!.destroy();
      expect(free.take("c")).toBeNull();
    }
    kept(free, ...Array.from({ length: 1_023 }, () => "a"));
    expect(old!.isOpen).toBe(true);
    kept(free, "a");
    expect(old!.isOpen).toBe(false);
  });

  test("learns of the end of a connection, whichever side ends it", async () => {
    const { promise: told, resolve } = Promise.withResolvers<Connection>();
    const connection = new Connection(new Socket(), {
      key: "a",
      roundTripMs: 0,
      now: () => performance.now(),
      onFree: nothing,
      onClosed: resolve,
    });
    connection.destroy();
    expect(await told).toBe(connection);
  });

  test("drops each connection after it was unused for 50 s", () => {
    jest.useFakeTimers();
    stops.push(() => jest.useRealTimers());
    const free = new ConnectionPool();
    const [unused, used] = kept(free, "a", "a");
    jest.advanceTimersByTime(40_000);
    expect(free.take("a")).toBe(used!);
    free.keep(used!);
    expect(unused!.isOpen).toBe(true);
    jest.advanceTimersByTime(20_000);
    expect([unused!.isOpen, used!.isOpen]).toEqual([false, true]);
    jest.advanceTimersByTime(40_000);
    expect(used!.isOpen).toBe(false);
    // The sweep starts again after a time without connections.
    const [next] = kept(free, "a");
    jest.advanceTimersByTime(60_000);
    expect(next!.isOpen).toBe(false);
  });
});
