import { afterAll, beforeAll, expect, test } from "bun:test";
import { Script, type ScriptArgument } from "../../../src/valkey/connection/script.ts";
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
  ["a text of several bytes for a character", "é😀\r\n", Buffer.from("é😀\r\n")],
  ["a number", 1.5, Buffer.from("1.5")],
  ["bytes that are no text", NO_TEXT, NO_TEXT],
  ["no bytes", Buffer.alloc(0), Buffer.alloc(0)],
  [
    "a text and bytes behind it",
    { text: "é\n", bytes: NO_TEXT },
    Buffer.concat([Buffer.from("é\n"), NO_TEXT]),
  ],
  ["an empty text and no bytes", { text: "", bytes: Buffer.alloc(0) }, Buffer.alloc(0)],
  ["more than a socket takes at once", LARGE, LARGE],
];

test.each(ROWS)("%s arrives as it is", async (_, argument, bytes) => {
  expect(await echoed([], [argument])).toEqual([[], [bytes]]);
});

test("all together arrive in their order, behind the keys", async () => {
  const reply = await echoed(
    ["{k}:ü", "{k}:2"],
    ROWS.map(([, argument]) => argument),
  );
  expect(reply).toEqual([
    [Buffer.from("{k}:ü"), Buffer.from("{k}:2")],
    ROWS.map(([, , bytes]) => bytes),
  ]);
});

test("a script that Valkey has forgotten is sent again, with all its arguments", async () => {
  await echoed([], []);
  await lab.redis.script("FLUSH");
  expect(await echoed(["k"], [{ text: "a", bytes: NO_TEXT }])).toEqual([
    [Buffer.from("k")],
    [Buffer.concat([Buffer.from("a"), NO_TEXT])],
  ]);
});

test("the error of a script is the caller's", async () => {
  const wrong = new Script("return redis.call('NOSUCH')");
  const running = lab.link.run((client) => wrong.run(client, [], []));
  expect(await running.catch(String)).toContain("Unknown command");
});
