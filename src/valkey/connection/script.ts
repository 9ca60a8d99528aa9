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
  // Most requests are ASCII, where characters are bytes: one look at the whole replaces a call for each argument
  // (measured: 1.7 µs of an accepted execution's 33).
  const pieces = piecesOf(name, args, before, (text) => text.length);
  const areBytes = pieces.every((piece) => Buffer.byteLength(piece) === piece.length);
  return joined(
    areBytes ? pieces : piecesOf(name, args, before, (text) => Buffer.byteLength(text)),
  );
}

type Pieces = (string | Buffer)[];

function piecesOf(
  name: string,
  args: readonly ScriptArgument[],
  before: string,
  bytesOf: (text: string) => number,
): Pieces {
  const pieces: Pieces = [];
  let text = `${before}*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  for (const arg of args) {
    if (typeof arg === "string" || typeof arg === "number") {
      const argument = String(arg);
      text += `$${bytesOf(argument)}\r\n${argument}\r\n`;
      continue;
    }
    const { text: line, bytes } = Buffer.isBuffer(arg) ? { text: "", bytes: arg } : arg;
    text += `$${bytesOf(line) + bytes.length}\r\n${line}`;
    pieces.push(text, bytes);
    text = "\r\n";
  }
  pieces.push(text);
  return pieces;
}

function joined(pieces: Readonly<Pieces>): string | Buffer {
  const [first] = pieces;
  if (pieces.length === 1 && typeof first === "string") return first;
  let length = 0;
  for (const piece of pieces) length += Buffer.byteLength(piece);
  const all = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces)
    at += typeof piece === "string" ? all.write(piece, at) : piece.copy(all, at);
  return all;
}
