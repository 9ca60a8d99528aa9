// Lists of an owner's last attempts: newest first, trimmed, with a TTL, many owners in one script.
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument, type TextAndBytes } from "../connection/script.ts";
import recordText from "../scripts/record.lua" with { type: "text" };

const recordScript = new Script(recordText);

export interface RecentLimits {
  size: number;
  ttlMs: number;
}

/** What is added to one list, the oldest first. */
export interface RecentEntries {
  key: string;
  entries: readonly (string | TextAndBytes)[];
}

/** Answers the keys of the lists that could not be written. */
export async function addRecent(
  link: StoreLink,
  limits: RecentLimits,
  lists: readonly RecentEntries[],
): Promise<string[]> {
  const keys: string[] = [];
  const args: ScriptArgument[] = [limits.size, limits.ttlMs];
  for (const { key, entries } of lists) {
    // Older ones than the list holds would be trimmed at once.
    const kept = entries.slice(-limits.size);
    keys.push(key);
    args.push(kept.length, ...kept);
  }
  if (keys.length === 0) return [];
  const unwritten = await link.run((client) => recordScript.run(client, keys, args));
  return (unwritten as Buffer[]).map(String);
}
