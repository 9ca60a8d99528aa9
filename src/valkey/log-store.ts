// The public log of an owner's last attempts (DESIGN §2.2).
import type { LogEntry } from "../wire/log-entry.ts";
import type { OwnerRef } from "../wire/owner.ts";
import type { SharedKeys } from "./keys.ts";
import type { Link } from "./link.ts";
import { addRecent, type RecentEntries, type RecentLimits } from "./recent-lists.ts";

export class LogStore {
  constructor(
    private readonly link: Link,
    private readonly keys: SharedKeys,
    private readonly limits: RecentLimits,
  ) {}

  /** The newest first. */
  async read(owner: OwnerRef): Promise<LogEntry[]> {
    const texts = await this.link.run((client) =>
      client.lrange(this.keys.logs(owner), 0, this.limits.size - 1),
    );
    return texts.map((text) => JSON.parse(text) as LogEntry);
  }

  /** As `addRecent` takes them, the oldest first. */
  entriesOf(owner: OwnerRef, entries: readonly LogEntry[]): RecentEntries {
    return { key: this.keys.logs(owner), entries: entries.map((entry) => JSON.stringify(entry)) };
  }

  /** Adds one entry. Answers how many logs could not be written. */
  async add(owner: OwnerRef, entry: LogEntry): Promise<number> {
    const unwritten = await addRecent(this.link, this.limits, [this.entriesOf(owner, [entry])]);
    return unwritten.length;
  }
}
