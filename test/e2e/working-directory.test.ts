// The executable of `bun run build`, started in a folder whose files it must not obey.
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { tempFolder } from "../support/valkey.ts";

const ROOT = join(import.meta.dir, "../..");
const folder = tempFolder("working-directory");
const binary = join(folder, "fluxhook");

async function run(command: string[], cwd: string) {
  const child = Bun.spawn(command, { cwd, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { stdout, stderr, exitCode: await child.exited };
}

beforeAll(async () => {
  const built = await run([process.execPath, "build.ts", "--outfile", binary], ROOT);
  expect(built).toMatchObject({ exitCode: 0, stderr: "" });
}, 60_000);

test("the executable runs no preload of a bunfig.toml in its working directory", async () => {
  const own = join(folder, "preload");
  await Bun.write(join(own, "preload.js"), 'console.log("the preload ran");');
  await Bun.write(join(own, "bunfig.toml"), 'preload = ["./preload.js"]\n');
  const { stdout, exitCode } = await run([binary, "--version"], own);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
  expect(exitCode).toBe(0);
});

test("the executable takes no setting from a .env in its working directory", async () => {
  const own = join(folder, "dotenv");
  await Bun.write(join(own, ".env"), "FLUXHOOK_PORT=from-the-file\n");
  const { stdout, stderr } = await run([binary, "health"], own);
  expect(stdout + stderr).not.toContain("from-the-file");
});
