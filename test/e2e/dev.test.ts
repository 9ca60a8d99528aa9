// `fluxhook dev --once`: from nothing to ten verified deliveries, and back to nothing.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { runFluxhook } from "../support/service.ts";
import { freshPrefix, sharedValkey, tempFolder, testRedis } from "../support/valkey.ts";

const VERIFIED = /✓ signature verified/g;

test("dev --once needs no set-up, verifies ten deliveries and leaves nothing behind", async () => {
  const mark = crypto.randomUUID();
  const folder = tempFolder("dev");
  const { exitCode, stdout, stderr } = await runFluxhook(["dev", "--once"], {
    FLUXHOOK_TEST_MARK: mark,
    TMPDIR: folder,
    XDG_STATE_HOME: folder,
  });

  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout.match(VERIFIED)).toHaveLength(10);
  expect(stdout).toContain("10 of 10 deliveries arrived and verified");
  expect(readdirSync(folder)).toEqual([]);
  if (process.platform === "linux") await eventually(() => expect(marked(mark)).toEqual([]));
});

test("dev --once uses the Valkey that FLUXHOOK_VALKEY_URL names", async () => {
  const valkey = await sharedValkey();
  const prefix = freshPrefix();
  const { exitCode, stdout } = await runFluxhook(["dev", "--once"], {
    FLUXHOOK_VALKEY_URL: valkey.url,
    FLUXHOOK_PREFIX: prefix,
  });
  expect(exitCode).toBe(0);
  expect(stdout.match(VERIFIED)).toHaveLength(10);

  const redis = await testRedis(valkey.url);
  expect(await redis.llen(`${prefix}:logs:u_dev`)).toBe(10);
  redis.disconnect();
});

test("a second dev --once on the same Valkey points the webhook of the first at itself, and shows its own attempts", async () => {
  const valkey = await sharedValkey();
  const env = { FLUXHOOK_VALKEY_URL: valkey.url, FLUXHOOK_PREFIX: freshPrefix() };
  const endpoints = [];
  for (const run of ["first", "second"]) {
    const { exitCode, stdout } = await runFluxhook(["dev", "--once"], env);
    expect(exitCode, run).toBe(0);
    expect(stdout.match(VERIFIED), run).toHaveLength(10);
    endpoints.push(new Set(stdout.match(/http:\/\/127\.0\.0\.1:\d+\/webhook/g)));
  }
  const [first, second] = endpoints;
  expect(second?.size).toBe(1);
  expect(second).not.toEqual(first);
});

/** Processes with the mark in the environment that they were started with: children inherit it. */
function marked(mark: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(mark);
    } catch {
      // It has ended meanwhile, or is somebody else's.
      return false;
    }
  });
}
