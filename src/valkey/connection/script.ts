// Runs a Lua script by its SHA-1, and sends its text again where Valkey does not know it (any more).
import { hash } from "node:crypto";
import { Command, type Redis } from "iovalkey";

/** A text and bytes behind it, as one argument: to join them first would copy the bytes once more. */
export interface TextAndBytes {
  text: string;
  bytes: Buffer;
}
export type ScriptArgument = string | number | Buffer | TextAndBytes;
/** A reply whose texts are Buffers: elements need not be UTF-8. */
export type ScriptReply = Buffer | number | null | ScriptReply[];

export class Script {
  readonly sha: string;

  private readonly text: string;

  /** `library` holds functions that the script calls. */
  constructor(script: string, library = "") {
    // What a script may do (`#!lua flags=…`) has to stand in its first line.
    const [, shebang = "", rest = ""] = /^(#![^\n]*\n)?([^]*)$/.exec(script) ?? [];
    this.text = shebang + library + rest;
    this.sha = hash("sha1", this.text);
  }

  async run(client: Redis, keys: string[], args: ScriptArgument[]): Promise<ScriptReply> {
    try {
      return await send(client, new ScriptCommand("EVALSHA", this.sha, keys, args));
    } catch (error) {
      // SCRIPT FLUSH, a restart, a promoted replica: the cache is Valkey's to empty at any time.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return send(client, new ScriptCommand("EVAL", this.text, keys, args));
    }
  }
}

function send(client: Redis, command: ScriptCommand): Promise<ScriptReply> {
  client.sendCommand(command);
  return command.promise as Promise<ScriptReply>;
}

/** Writes itself in two pieces for each argument with bytes; the client's own takes six (measured). */
class ScriptCommand extends Command {
  private readonly all: readonly ScriptArgument[];

  constructor(name: "EVALSHA" | "EVAL", script: string, keys: string[], args: ScriptArgument[]) {
    const head = [script, keys.length, ...keys];
    // The keys, for whoever has to find the node that has them.
    super(name, head, { replyEncoding: null });
    this.all = [...head, ...args];
  }

  override toWritable(): string | Buffer {
    return requestOf(this.name, this.all);
  }
}

/** RESP, "Sending commands to a Valkey server": an array of bulk strings. */
export function requestOf(name: string, args: readonly ScriptArgument[]): string | Buffer {
  const pieces: (string | Buffer)[] = [];
  let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  for (const arg of args) {
    if (typeof arg === "string" || typeof arg === "number") {
      const argument = String(arg);
      text += `$${Buffer.byteLength(argument)}\r\n${argument}\r\n`;
      continue;
    }
    const { text: before, bytes } = Buffer.isBuffer(arg) ? { text: "", bytes: arg } : arg;
    text += `$${Buffer.byteLength(before) + bytes.length}\r\n${before}`;
    pieces.push(text, bytes);
    text = "\r\n";
  }
  if (pieces.length === 0) return text;
  pieces.push(text);
  return joined(pieces);
}

function joined(pieces: readonly (string | Buffer)[]): Buffer {
  let length = 0;
  for (const piece of pieces) length += Buffer.byteLength(piece);
  const all = Buffer.allocUnsafe(length);
  let at = 0;
  for (const piece of pieces)
    at += typeof piece === "string" ? all.write(piece, at) : piece.copy(all, at);
  return all;
}
