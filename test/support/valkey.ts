// A real Valkey for tests: one shared server per test process, or one of its own for tests that
// kill or freeze it. No server and no data folder outlives the test run.
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "iovalkey";

import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import {
  type LocalValkey,
  type LocalValkeyOptions,
  startLocalValkey,
} from "../../src/local-valkey/start.ts";

let shared: Promise<LocalValkey> | undefined;

/** The server of this test process; nobody stops, flushes or freezes it. */
export function sharedValkey(): Promise<LocalValkey> {
  shared ??= startLocalValkey({ dataDir: tempFolder("valkey"), appendOnly: false });
  return shared;
}

/** A server of the test's own; the test calls `stop()`. */
export function ownValkey(options: Partial<LocalValkeyOptions> = {}): Promise<LocalValkey> {
  return startLocalValkey({ dataDir: tempFolder("valkey"), ...options });
}

/** A key prefix that no other test has, so that tests share a server without seeing each other. */
export function freshPrefix(): string {
  return `t-${crypto.randomUUID().slice(-12)}`;
}

/** A connected client, for the test itself to look at keys; the test calls `disconnect()`. */
export async function testRedis(url: string): Promise<Redis> {
  const redis = new Redis(url, { lazyConnect: true });
  // A test that kills its server sees that in its own commands; iovalkey would print it as well.
  redis.on("error", () => {});
  await redis.connect();
  return redis;
}

let tempRoot: string | undefined;

/** An empty folder that is gone after the test run. `bun test` fires no "exit" event to do it in. */
export function tempFolder(name: string): string {
  if (tempRoot === undefined) {
    tempRoot = mkdtempSync(join(tmpdir(), "fluxhook-test-"));
    // Once more for what a server wrote while it was being killed.
    runOnProcessDeath('rm -rf "$1"; sleep 1; rm -rf "$1"', tempRoot);
  }
  mkdirSync(tempRoot, { recursive: true });
  return mkdtempSync(join(tempRoot, `${name}-`));
}
