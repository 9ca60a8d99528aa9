// What a log line shows, read from the stdout of a real process.
import { expect, test } from "bun:test";
import { join } from "node:path";

const LOG = join(import.meta.dir, "../src/log.ts");

/** Returns the lines that these statements write. */
async function linesOf(statements: string): Promise<Record<string, unknown>[]> {
  const script = `
    const { createLog } = await import(${JSON.stringify(LOG)});
    const { log, flush } = createLog("debug");
    ${statements}
    await flush();`;
  const run = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
  const text = await run.stdout.text();
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("the log shows type, message, code and stack of an error, and no other property", async () => {
  const [line] = await linesOf(`
    const cause = Object.assign(new TypeError("deep"), { path: "https://h/canary" });
    const error = Object.assign(new Error("WRONGTYPE", { cause }), {
      code: "E_1", command: { name: "hset", args: ["canary"] }, path: "canary", raw: "canary",
    });
    log.error({ err: error }, "a.failed");`);
  expect(line).toEqual({
    level: "error",
    time: expect.any(String),
    event: "a.failed",
    err: { type: "Error", message: "WRONGTYPE: deep", code: "E_1", stack: expect.any(String) },
  });
  expect(JSON.stringify(line)).not.toContain("canary");
  expect((line!["err"] as { stack: string }).stack).toContain("caused by: TypeError: deep");
});

test("the log removes credentials from an error's message and stack", async () => {
  const [line] = await linesOf(`
    const cause = new Error("https://h/p?token=canary");
    log.warn({ err: new Error("redis://:canary@h refused", { cause }) }, "a.failed");`);
  expect(JSON.stringify(line)).not.toContain("canary");
  expect((line!["err"] as { message: string }).message).toBe(
    "redis://***@h refused: https://h/p?***",
  );
});

test("the log shows the type of a thrown value that is not an error, and a text without credentials", async () => {
  const [object, text] = await linesOf(`
    log.error({ err: { canary: 1 } }, "a.failed");
    log.error({ err: "at http://u:canary@h" }, "a.failed");`);
  expect([object!["err"], text!["err"]]).toEqual(["object", "at http://***@h"]);
});

test("a webhook or request that is spread into a log line shows no secret", async () => {
  const [line] = await linesOf(`
    const canary = "canary";
    log.info({ id: "wh_1", secrets: [{ canary }], secret: canary, token: canary, password: canary,
      headers: { authorization: canary }, authorization: canary }, "a.seen");`);
  expect(line).toMatchObject({ id: "wh_1", secrets: "***", token: "***", headers: "***" });
  expect(JSON.stringify(line)).not.toContain("canary");
});
