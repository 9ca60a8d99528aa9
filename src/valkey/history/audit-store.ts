// Stores who did what: one capped stream, written after each action and read newest first.
import type { AuditEntry } from "../../wire/audit.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { StoreLink } from "../connection/link.ts";
import { readObject } from "../foreign.ts";
import type { SharedKeys } from "../keys.ts";

/** About 3 MB. Valkey trims whole nodes of the stream, so it keeps up to a hundred more. */
export const MAX_AUDIT_ENTRIES = 10_000;
/** One page looks at this many entries at most: with a filter it may have fewer than asked for, even none. */
const MAX_LOOKED_AT = 2_000;
const READ_AT_ONCE = 500;

/** What of an entry is stored; the stream gives it its id, which begins with the time. */
export type NewAuditEntry = Omit<AuditEntry, "id" | "at" | "user_id" | "org_id"> & {
  owner: OwnerRef | null;
};
export type StoredAuditEntry = NewAuditEntry & Pick<AuditEntry, "id" | "at">;

export interface AuditPage {
  entries: StoredAuditEntry[];
  /** Where the next page begins; null after the last one. */
  next: string | null;
}

export class AuditStore {
  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
  ) {}

  async add(entry: NewAuditEntry): Promise<void> {
    await this.link.run((client) =>
      client.xadd(
        this.keys.audit,
        "MAXLEN",
        "~",
        MAX_AUDIT_ENTRIES,
        "*",
        "entry",
        JSON.stringify(entry),
      ),
    );
  }

  /** Returns a page of what matches, the newest first. `after` is the `next` of the page before. */
  async list(
    matches: (entry: StoredAuditEntry) => boolean,
    { after, limit }: { after: string | null; limit: number },
  ): Promise<AuditPage> {
    const entries: StoredAuditEntry[] = [];
    let position = after;
    for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; lookedAt += READ_AT_ONCE) {
      const read = await this.link.run((client) =>
        client.xrevrange(
          this.keys.audit,
          position === null ? "+" : `(${position}`,
          "-",
          "COUNT",
          READ_AT_ONCE,
        ),
      );
      for (const [id, fields] of read) {
        position = id;
        const entry = readEntry(id, fields[1]);
        if (entry === null || !matches(entry)) continue;
        entries.push(entry);
        if (entries.length === limit) return { entries, next: position };
      }
      if (read.length < READ_AT_ONCE) return { entries, next: null };
    }
    return { entries, next: position };
  }
}

/** Null if another program wrote it. */
function readEntry(id: string, text: string | undefined): StoredAuditEntry | null {
  const entry = readObject(Buffer.from(text ?? "")) as Partial<NewAuditEntry> | null;
  if (typeof entry?.action !== "string" || typeof entry.by !== "object") return null;
  const at = new Date(Number(id.split("-")[0])).toISOString();
  return { ...(entry as NewAuditEntry), id, at };
}
