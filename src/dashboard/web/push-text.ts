// The text of an element, and of the shell's line that pushes it.
import type { Owner } from "./principal.ts";

export interface Pushed {
  owner: Owner;
  type: string;
  /** JSON text, which goes out as it is. */
  data: string;
}

/** The element's text; `data` is not parsed, so that it stays as it was typed. */
export function elementOf({ owner, type, data }: Pushed): string {
  const before = JSON.stringify({ [`${owner.kind}_id`]: owner.id, event: type });
  return `${before.slice(0, -1)},"data":${data.trim()}}`;
}

/** POSIX shell: nothing is special inside single quotes but the quote itself. */
export function shellQuoted(text: string): string {
  return /^[\w.:/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
