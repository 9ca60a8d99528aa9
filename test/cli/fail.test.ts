import { expect, test } from "bun:test";
import { join } from "node:path";

const CLI = join(import.meta.dir, "../../src/cli/fail.ts");
const CONFIG = join(import.meta.dir, "../../src/config.ts");

test("a user sees the message on stderr, no stack trace; a wrong setting is wrong usage", async () => {
  const script = `
    const { fail } = await import(${JSON.stringify(CLI)});
    const { SettingsError } = await import(${JSON.stringify(CONFIG)});
    console.log(fail(new Error("port 1 is taken")), fail("a text"), fail(new SettingsError(["X is bad"])));`;
  const run = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
  const [codes, seen] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  expect(codes).toBe("1 1 2\n");
  expect(seen).toBe(
    "fluxhook: port 1 is taken\nfluxhook: a text\nfluxhook: a setting is wrong:\n  X is bad\n",
  );
});
