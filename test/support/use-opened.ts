// Set-up that a test file or a `describe` shares: opened before its first test, closed after its last.
import { afterAll, afterEach, beforeAll } from "bun:test";
import type { LocalValkeyOptions } from "../../src/local-valkey/start.ts";
import { ownValkey } from "./valkey.ts";

/**
 * Registers the hooks that open and close a value for the calling file or `describe`, and returns
 * that value's stand-in. Tests and later hooks use it as the value; before the first hook has run,
 * reading from it throws.
 */
export function useOpened<T extends object>(
  open: () => Promise<T>,
  close: (opened: T) => unknown,
): T {
  let opened: T | undefined;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(async () => {
    if (opened !== undefined) await close(opened);
  });
  return new Proxy({} as T, {
    get(_, name) {
      if (opened === undefined) throw new Error(`${String(name)} was read before it was opened`);
      const value: unknown = Reflect.get(opened, name, opened);
      return typeof value === "function" ? value.bind(opened) : value;
    },
  });
}

/** A Valkey of the file's own, for tests that stop, freeze or fill it. */
export function useOwnValkey(options: Partial<LocalValkeyOptions> = {}) {
  return useOpened(
    () => ownValkey(options),
    (valkey) => valkey.stop(),
  );
}

/** Returns a function that takes what has to be stopped after the current test. */
export function useStops(): (stop: () => unknown) => void {
  const stops: (() => unknown)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  return (stop) => void stops.push(stop);
}
