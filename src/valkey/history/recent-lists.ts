// Adds to the lists of owners' last attempts: newest first, trimmed, with a TTL. One script writes the lists of many
// owners; a connector for Cluster has to group them by slot here (keys.ts).
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument, type TextAndBytes } from "../connection/script.ts";
import recordText from "../scripts/record.lua" with { type: "text" };

const recordScript = new Script(recordText);

export interface RecentLimits {
  size: number;
  ttlMs: number;
}

/** Entries to add to one list, the oldest first. */
export interface RecentEntries {
  key: string;
  entries: readonly (string | TextAndBytes)[];
}

/** Adds entries. Returns the keys of the lists that could not be written. */
export async function addRecent(
  link: StoreLink,
  limits: RecentLimits,
  lists: readonly RecentEntries[],
): Promise<string[]> {
  const keys: string[] = [];
  const args: ScriptArgument[] = [limits.size, limits.ttlMs];
  for (const { key, entries } of lists) {
    // The list would trim any older entry at once.
    const kept = entries.slice(-limits.size);
    keys.push(key);
    args.push(kept.length, ...kept);
  }
  if (keys.length === 0) return [];
  const unwritten = await link.run((client) => recordScript.run(client, keys, args));
  return (unwritten as Buffer[]).map(String);
}
