// How long the binary takes from its start to /readyz 200, and what it holds when it is idle.
// `bun bench/start-up.ts [--runs 10] [--json]`; builds dist/fluxhook where it is missing.
import { $ } from "bun";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startLocalValkey } from "../src/valkey/local-server.ts";

const ROOT = join(import.meta.dir, "..");
const BINARY = process.env.FLUXHOOK_TEST_BINARY || join(ROOT, "dist/fluxhook");
const IDLE_MS = 3_000;
const POLL_MS = 1;
const GIVE_UP_MS = 20_000;

const { values } = parseArgs({
  options: { runs: { type: "string", default: "10" }, json: { type: "boolean", default: false } },
});
const runs = Number(values.runs);

if (!existsSync(BINARY)) await $`bun build.ts`.cwd(ROOT).quiet();
const folder = mkdtempSync(join(tmpdir(), "fluxhook-bench-"));
const valkey = await startLocalValkey({ dataDir: join(folder, "valkey"), appendOnly: false });
const readyMs: number[] = [];
const idleRssMb: number[] = [];
try {
  for (let run = 0; run < runs; run++) {
    const measured = await measure(mkdtempSync(join(folder, "empty-")));
    readyMs.push(measured.readyMs);
    idleRssMb.push(measured.idleRssMb);
  }
} finally {
  await valkey.stop();
  rmSync(folder, { recursive: true, force: true });
}

const result = {
  runs,
  ready_ms: spread(readyMs),
  idle_rss_mb: spread(idleRssMb),
  idle_after_ms: IDLE_MS,
};
if (values.json) console.log(JSON.stringify(result));
else {
  const line = ({ min, median, max }: Spread) => `min ${min}  median ${median}  max ${max}`;
  console.log(`${BINARY}, ${runs} runs`);
  console.log(`ready      ${line(result.ready_ms)}  ms from spawn to /readyz 200`);
  console.log(`idle RSS   ${line(result.idle_rss_mb)}  MB after ${IDLE_MS / 1_000} s`);
}

async function measure(cwd: string): Promise<{ readyMs: number; idleRssMb: number }> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = Bun.spawn([BINARY, "serve"], {
    cwd,
    env: {
      FLUXHOOK_VALKEY_URL: valkey.url,
      FLUXHOOK_PORT: String(port),
      FLUXHOOK_API_TOKEN: "bench-token-of-thirty-two-letters",
      FLUXHOOK_PREFIX: `bench-${port}`,
    },
    stdout: "ignore",
    stderr: "inherit",
  });
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      if (performance.now() - startedAt > GIVE_UP_MS) throw new Error("it was not ready in time");
      await Bun.sleep(POLL_MS);
    }
    const ready = performance.now() - startedAt;
    await Bun.sleep(IDLE_MS);
    return { readyMs: round(ready), idleRssMb: round(await rssMb(child.pid)) };
  } finally {
    child.kill("SIGTERM");
    await child.exited;
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}

/** `ps` counts in KiB, on Linux and macOS alike. */
async function rssMb(pid: number): Promise<number> {
  const kib = await $`ps -o rss= -p ${pid}`.text();
  return (Number(kib) * 1_024) / 1_000_000;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<number>();
  server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  const port = await promise;
  server.close();
  return port;
}

interface Spread {
  min: number;
  median: number;
  max: number;
}

function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  return { min: at(0), median: at(0.5), max: at(1) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
