// The public log of an owner's last attempts (docs/design.md, "Keys").
import { z } from "zod";
import { logEntrySchema, type LogEntry } from "../../wire/log-entry.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import { describeForeign, readObject } from "../foreign.ts";
import type { SharedKeys } from "../keys.ts";
import type { StoreLink } from "../connection/link.ts";
import { addRecent, type RecentEntries, type RecentLimits } from "./recent-lists.ts";

export interface ChangedLog {
  newest: Buffer | null;
  /** The newest first. */
  entries: LogEntry[];
}

export class LogStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    private readonly limits: RecentLimits,
  ) {}

  /** Returns the log, the newest entry first. */
  async read(owner: OwnerRef): Promise<LogEntry[]> {
    const elements = await this.link.run((client) =>
      client.lrangeBuffer(this.keys.logs(owner), 0, this.limits.size - 1),
    );
    return elements.map(readEntry);
  }

  /** How many entries a log has at most. */
  get size(): number {
    return this.limits.size;
  }

  /** Returns the log if its newest entry is another one than `newest`; null if not. */
  async readIfChanged(owner: OwnerRef, newest: Buffer | null): Promise<ChangedLog | null> {
    const elements = await this.link.run((client) =>
      client.lrangeBuffer(this.keys.logs(owner), 0, this.limits.size - 1),
    );
    const [first = null] = elements;
    const isSame = first === null ? newest === null : newest !== null && first.equals(newest);
    return isSame ? null : { newest: first, entries: elements.map(readEntry) };
  }

  /** Returns the arguments of `addRecent`; the oldest entry first. */
  entriesOf(owner: OwnerRef, entries: readonly LogEntry[]): RecentEntries {
    return { key: this.keys.logs(owner), entries: entries.map((entry) => JSON.stringify(entry)) };
  }

  async remove(owner: OwnerRef): Promise<void> {
    await this.link.run((client) => client.del(this.keys.logs(owner)));
  }

  /** Adds one entry, and others with it. Returns how many lists could not be written. */
  async add(owner: OwnerRef, entry: LogEntry, ...others: RecentEntries[]): Promise<number> {
    const lists = [this.entriesOf(owner, [entry]), ...others];
    const unwritten = await addRecent(this.link, this.limits, lists);
    return unwritten.length;
  }

  /** Adds entries, the oldest first. Returns how many logs could not be written. */
  async addAll(owner: OwnerRef, entries: readonly LogEntry[]): Promise<number> {
    const unwritten = await addRecent(this.link, this.limits, [this.entriesOf(owner, entries)]);
    return unwritten.length;
  }
}

/** The fields that every version of Fluxhook has written. */
const writtenSchema = logEntrySchema
  .pick({
    delivery_id: true,
    webhook_id: true,
    id: true,
    endpoint: true,
    event: true,
    status_code: true,
    duration_ms: true,
    attempt: true,
    reason: true,
    next_attempt_at: true,
    timestamp: true,
  })
  // A later version may have more outcomes.
  .extend({ outcome: z.string() });

function readEntry(bytes: Buffer): LogEntry {
  const entry = readObject(bytes);
  // Not zod's result, which would drop the fields of a later version.
  if (entry !== null && writtenSchema.safeParse(entry).success) return entry as LogEntry;
  const { message, raw, raw_base64 } = describeForeign(bytes, "an attempt");
  return {
    delivery_id: "",
    webhook_id: "",
    id: "",
    endpoint: "",
    event: "",
    status_code: null,
    duration_ms: 0,
    attempt: 0,
    outcome: "unreadable",
    reason: "unreadable",
    next_attempt_at: null,
    timestamp: "",
    message,
    ...(raw === undefined ? { raw_base64 } : { raw }),
  };
}
