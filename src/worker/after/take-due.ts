// What waits for company before it is written.

/** Entries, or webhooks; of an owner all entries go into one. */
const MAX_IN_SCRIPT = 128;

export interface Waiting {
  sinceMs: number;
}

/**
 * Takes off the map what has waited for `waitMs`, the oldest first, as much as fits into one script; also what has
 * waited less if that is due for the first one and there are few.
 */
export function takeDue<Key, Value extends Waiting>(
  waiting: Map<Key, Value>,
  nowMs: number,
  waitMs: number,
  entriesOf: (value: Value) => number = () => 1,
): [Key, Value][] {
  if (dueAt(waiting, waitMs) > nowMs) return [];
  const isAll = waiting.size <= MAX_IN_SCRIPT;
  const due: [Key, Value][] = [];
  let entries = 0;
  for (const entry of waiting) {
    if (entries >= MAX_IN_SCRIPT || (!isAll && entry[1].sinceMs > nowMs - waitMs)) break;
    due.push(entry);
    entries += entriesOf(entry[1]);
  }
  for (const [key] of due) waiting.delete(key);
  return due;
}

/** When the oldest has waited for `waitMs`; infinity where nothing waits. */
export function dueAt(waiting: ReadonlyMap<unknown, Waiting>, waitMs: number): number {
  const [oldest] = waiting.values();
  return oldest ? oldest.sinceMs + waitMs : Number.POSITIVE_INFINITY;
}
