// The public log of an owner's last attempts (DESIGN §2.2).
import type { LogEntry } from "../wire/log-entry.ts";
import type { OwnerRef } from "../wire/owner.ts";
import type { SharedKeys } from "./keys.ts";
import type { Link } from "./link.ts";
import { Script, type ScriptArgument } from "./script.ts";
import recordText from "./scripts/record.lua" with { type: "text" };

const recordScript = new Script(recordText);

export class LogStore {
  constructor(
    private readonly link: Link,
    private readonly keys: SharedKeys,
    private readonly limits: { size: number; ttlMs: number },
  ) {}

  /** The newest first. */
  async read(owner: OwnerRef): Promise<LogEntry[]> {
    const texts = await this.link.run((client) =>
      client.lrange(this.keys.logs(owner), 0, this.limits.size - 1),
    );
    return texts.map((text) => JSON.parse(text) as LogEntry);
  }

  /** Adds entries, the oldest first. */
  async write(byOwner: ReadonlyMap<OwnerRef, readonly LogEntry[]>): Promise<void> {
    const keys: string[] = [];
    const args: ScriptArgument[] = [this.limits.size, this.limits.ttlMs];
    for (const [owner, entries] of byOwner) {
      // Older ones than the log holds would be trimmed at once.
      const kept = entries.slice(-this.limits.size);
      keys.push(this.keys.logs(owner));
      args.push(kept.length, ...kept.map((entry) => JSON.stringify(entry)));
    }
    if (keys.length > 0) await this.link.run((client) => recordScript.run(client, keys, args));
  }
}
