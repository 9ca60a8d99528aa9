import { describe, expect, test } from "bun:test";
import { join } from "node:path";

const CLI = join(import.meta.dir, "../../../src/cli/terminal/fail.ts");
const CONFIG = join(import.meta.dir, "../../../src/config/settings.ts");

/** Runs statements in a process that has loaded fail.ts. */
async function run(statements: string) {
  const script = `
    const { fail } = await import(${JSON.stringify(CLI)});
    const { SettingsError } = await import(${JSON.stringify(CONFIG)});
    ${statements}`;
  const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { exitCode, stdout, stderr };
}

test("a user sees the message on stderr, no stack trace; a wrong setting is wrong usage", async () => {
  const { stdout, stderr } = await run(
    `console.log(fail(new Error("port 1 is taken")), fail("a text"), fail(new SettingsError(["X is bad"])));`,
  );
  expect(stdout).toBe("1 1 2\n");
  expect(stderr).toBe(
    "fluxhook: port 1 is taken\nfluxhook: a text\nfluxhook: a setting is wrong:\n  X is bad\n",
  );
});

test("an error message is printed without credentials", async () => {
  const { stderr } = await run(`fail(new Error("redis://:canary@h is away"));`);
  expect(stderr).toBe("fluxhook: redis://***@h is away\n");
});

describe("an uncaught error is printed with its stack and without its properties, and the process continues:", () => {
  const ERROR = `Object.assign(new Error("at redis://:canary@h"), { command: { args: ["canary"] } })`;

  test.each([
    ["an exception", `setTimeout(() => { throw ${ERROR}; });`],
    ["a rejected promise", `Promise.reject(${ERROR});`],
    ["an error's cause", `Promise.reject(new Error("x", { cause: ${ERROR} }));`],
    ["what is no error", `Promise.reject({ command: "canary" });`],
  ])("%s", async (_, statement) => {
    const { stdout, stderr } = await run(
      `${statement} setTimeout(() => console.log("alive"), 50);`,
    );
    expect(stdout).toBe("alive\n");
    expect(stderr).toStartWith("fluxhook: uncaught: ");
    expect(stderr).not.toContain("canary");
  });
});
