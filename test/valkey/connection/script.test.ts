import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "iovalkey";
import { requestOf, Script, type ScriptArgument } from "../../../src/valkey/connection/script.ts";
import { QueueLab } from "../queue/test-queue.ts";

const echo = new Script("return { KEYS, ARGV }");

let lab: QueueLab;
beforeAll(async () => {
  lab = await QueueLab.open();
});
afterAll(() => lab.close());

const echoed = (keys: string[], args: ScriptArgument[]) =>
  lab.link.run((client) => echo.run(client, keys, args));

type Row = [claim: string, argument: ScriptArgument, bytes: Buffer];

const NO_TEXT = Buffer.from([0x00, 0xff, 0x0d, 0x0a, 0x80]);
const LARGE = Buffer.alloc(1_000_000, "x\r\n");

const ROWS: Row[] = [
  ["a text", "a", Buffer.from("a")],
  ["an empty text", "", Buffer.alloc(0)],
  ["a text with characters of several bytes", "é😀\r\n", Buffer.from("é😀\r\n")],
  ["a number", 1.5, Buffer.from("1.5")],
  ["bytes that are not UTF-8", NO_TEXT, NO_TEXT],
  ["no bytes", Buffer.alloc(0), Buffer.alloc(0)],
  [
    "a text with bytes after it",
    { text: "é\n", bytes: NO_TEXT },
    Buffer.concat([Buffer.from("é\n"), NO_TEXT]),
  ],
  ["an empty text with no bytes after it", { text: "", bytes: Buffer.alloc(0) }, Buffer.alloc(0)],
  ["an argument of a megabyte", LARGE, LARGE],
];

// `ScriptCommand` overrides a method that the client does not document: an upgrade may change it.
test.each(ROWS)(
  "%s: written in the bytes that the client itself would write",
  (_, argument, bytes) => {
    const head = ["0123abcd", 1, "{k}:ü"];
    const own = new Command("EVALSHA", [...head, typeof argument === "object" ? bytes : argument]);
    expect(Buffer.from(requestOf("EVALSHA", [...head, argument]))).toEqual(
      Buffer.from(own.toWritable({})),
    );
  },
);

test.each(ROWS)("%s: arrives in a script unchanged", async (_, argument, bytes) => {
  expect(await echoed([], [argument])).toEqual([[], [bytes]]);
});

test("arguments of every kind arrive in their order, after the keys", async () => {
  const reply = await echoed(
    ["{k}:ü", "{k}:2"],
    ROWS.map(([, argument]) => argument),
  );
  expect(reply).toEqual([
    [Buffer.from("{k}:ü"), Buffer.from("{k}:2")],
    ROWS.map(([, , bytes]) => bytes),
  ]);
});

test("a script that Valkey no longer knows is sent again as text, with all its arguments", async () => {
  await echoed([], []);
  await lab.redis.script("FLUSH");
  expect(await echoed(["k"], [{ text: "a", bytes: NO_TEXT }])).toEqual([
    [Buffer.from("k")],
    [Buffer.concat([Buffer.from("a"), NO_TEXT])],
  ]);
});

test("an error of a script is thrown to its caller", async () => {
  const wrong = new Script("return redis.call('NOSUCH')");
  const running = lab.link.run((client) => wrong.run(client, [], []));
  expect(await running.catch(String)).toContain("Unknown command");
});

test("a script can call the functions of lib.lua, and those that they call", async () => {
  const script = new Script("return { serverNow(), wrongTypeError('hash', KEYS[1]) or 'none' }");
  const run = (key: string) => lab.link.run((client) => script.run(client, [key], []));
  const [now] = (await run("{script-test}:none")) as [number];
  expect(Math.abs(now - Date.now())).toBeLessThan(60_000);
  await lab.redis.set("{script-test}:text", "a", "PX", 60_000);
  const [, wrong] = (await run("{script-test}:text")) as [number, Error];
  expect(String(wrong)).toContain("the key {script-test}:text is a string, not a hash");
});

const SCRIPTS = join(import.meta.dir, "../../../src/valkey/scripts");

test("only lib.lua reads the server's time, matches items and measures parked ones", async () => {
  for (const file of await readdir(SCRIPTS)) {
    if (file === "lib.lua") continue;
    const text = await Bun.file(join(SCRIPTS, file)).text();
    expect([file, /'TIME'|\^%d\+ |\^\(%d\+\)|HSTRLEN/.exec(text)?.[0]]).toEqual([file, undefined]);
  }
});

test("the functions of lib.lua that a script does not call are not sent with it", () => {
  const text = "return 1";
  const sha = new Bun.CryptoHasher("sha1").update(text).digest("hex");
  expect(new Script(text).sha).toBe(sha);
});
