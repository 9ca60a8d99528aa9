// Runs a Lua script by its SHA-1, and sends its text again where Valkey does not know it (any more).
import { createHash } from "node:crypto";
import type { Redis } from "iovalkey";

export type ScriptArgument = string | number | Buffer;
/** A reply whose texts are Buffers: elements need not be UTF-8. */
export type ScriptReply = Buffer | number | null | ScriptReply[];

export class Script {
  private readonly sha: string;

  constructor(private readonly text: string) {
    this.sha = createHash("sha1").update(text).digest("hex");
  }

  async run(client: Redis, keys: string[], args: ScriptArgument[]): Promise<ScriptReply> {
    try {
      return (await client.callBuffer("EVALSHA", [
        this.sha,
        keys.length,
        ...keys,
        ...args,
      ])) as ScriptReply;
    } catch (error) {
      // SCRIPT FLUSH, a restart, a promoted replica: the cache is Valkey's to empty at any time.
      if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
      return (await client.callBuffer("EVAL", [
        this.text,
        keys.length,
        ...keys,
        ...args,
      ])) as ScriptReply;
    }
  }
}
