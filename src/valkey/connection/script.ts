// Runs a Lua script by its SHA-1, and sends its text if Valkey does not know it (any more). It overrides
// `Command.toWritable`, which iovalkey does not document; test/valkey/connection/script.test.ts fails if an
// upgrade of iovalkey writes other bytes.
import { hash } from "node:crypto";
import { Command, type Redis } from "iovalkey";
import libText from "../scripts/lib.lua" with { type: "text" };

/** One argument: a text with bytes after it. To join them first would copy the bytes once more. */
export interface TextAndBytes {
  text: string;
  bytes: Buffer;
}
export type ScriptArgument = string | number | Buffer | TextAndBytes;
/** Strings of a reply are Buffers, for elements may not be UTF-8. */
export type ScriptReply = Buffer | number | null | ScriptReply[];

export class Script {
  readonly sha: string;
  private readonly text: string;

  /** The script can call the functions of `scripts/lib.lua`, and those of `library`. */
  constructor(script: string, library = "") {
    // Valkey reads a script's flags (`#!lua flags=…`) only from its first line.
    const [, shebang = "", rest = ""] = /^(#![^\n]*\n)?([^]*)$/.exec(script) ?? [];
    this.text = shebang + functionsFor(library + rest) + library + rest;
    this.sha = hash("sha1", this.text);
  }

  /** `before`: requests without a reply, in the same write (`requestOf`). */
  async run(
    client: Redis,
    keys: string[],
    args: ScriptArgument[],
    before = "",
  ): Promise<ScriptReply> {
    try {
      return await send(client, new ScriptCommand("EVALSHA", this.sha, keys, args, before));
    } catch (error) {
      // Valkey may empty its script cache at any time: SCRIPT FLUSH, a restart, a promoted replica.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return send(client, new ScriptCommand("EVAL", this.text, keys, args));
    }
  }
}

function send(client: Redis, command: ScriptCommand): Promise<ScriptReply> {
  client.sendCommand(command);
  return command.promise as Promise<ScriptReply>;
}

const LIB_FUNCTION = /^local function (\w+)[^]*?^end\n/gm;

/**
 * Returns the functions of `scripts/lib.lua` that a script calls. Each run defines every function anew: all
 * of them in front of `beat.lua` took 0.5 µs of its 5 (measured in the commit that added this).
 */
function functionsFor(script: string): string {
  let called = "";
  // From the last one: a function can call only those above it.
  for (const [text, name = ""] of [...libText.matchAll(LIB_FUNCTION)].toReversed()) {
    if (`${called}${script}`.includes(`${name}(`)) called = text + called;
  }
  return called;
}

/** Writes two pieces for each argument with bytes; the client's own command writes at least three. */
class ScriptCommand extends Command {
  private readonly all: readonly ScriptArgument[];

  constructor(
    name: "EVALSHA" | "EVAL",
    script: string,
    keys: string[],
    args: ScriptArgument[],
    private readonly before = "",
  ) {
    const head = [script, keys.length, ...keys];
    // With the keys, so that the client and nameWrongKeys can find them.
    super(name, head, { replyEncoding: null });
    this.all = [...head, ...args];
  }

  override toWritable(): string | Buffer {
    return requestOf(this.name, this.all, this.before);
  }
}

/** RESP, "Sending commands to a Valkey server": an array of bulk strings, with requests `before` it. */
export function requestOf(
  name: string,
  args: readonly ScriptArgument[],
  before = "",
): string | Buffer {
  const head = `${before}*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  if (!args.every(isText)) return inOneBuffer(head, args);
  // Most requests are ASCII, where characters are bytes: one look at the whole replaces a call for each argument
  // (measured: 1.7 µs of an accepted execution's 33).
  const text = inOneText(head, args, (argument) => argument.length);
  return Buffer.byteLength(text) === text.length
    ? text
    : inOneText(head, args, (argument) => Buffer.byteLength(argument));
}

function isText(arg: ScriptArgument): arg is string | number {
  return typeof arg !== "object";
}

function inOneText(
  head: string,
  args: readonly (string | number)[],
  lengthOf: (text: string) => number,
): string {
  let text = head;
  for (const arg of args) {
    const argument = String(arg);
    text += `$${lengthOf(argument)}\r\n${argument}\r\n`;
  }
  return text;
}

/** Joins no texts before: each join would copy what the buffer copies again. */
function inOneBuffer(head: string, args: readonly ScriptArgument[]): Buffer {
  const heads: string[] = [];
  let length = Buffer.byteLength(head);
  for (const arg of args) {
    const bytes = bytesOf(arg);
    const argumentHead = `$${bytes}\r\n`;
    heads.push(argumentHead);
    length += argumentHead.length + bytes + 2;
  }
  const all = Buffer.allocUnsafe(length);
  let at = all.write(head, 0);
  for (const [i, arg] of args.entries()) {
    at += all.write(heads[i] ?? "", at);
    at += writeArgument(all, arg, at);
    all[at] = CR;
    all[at + 1] = LF;
    at += 2;
  }
  return all;
}

const CR = 13;
const LF = 10;

function bytesOf(arg: ScriptArgument): number {
  if (typeof arg === "string") return Buffer.byteLength(arg);
  if (typeof arg === "number") return String(arg).length;
  if (Buffer.isBuffer(arg)) return arg.length;
  return Buffer.byteLength(arg.text) + arg.bytes.length;
}

function writeArgument(all: Buffer, arg: ScriptArgument, at: number): number {
  if (typeof arg === "string") return all.write(arg, at);
  if (typeof arg === "number") return all.write(String(arg), at);
  if (Buffer.isBuffer(arg)) return arg.copy(all, at);
  const written = all.write(arg.text, at);
  return written + arg.bytes.copy(all, at + written);
}
