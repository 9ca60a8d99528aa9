// The fields of a request's or a response's head, as they were on the wire (RFC 9112 §5).
import { decodeUtf8 } from "./bytes.ts";

export interface HeadField {
  name: string;
  value: string;
}

/** Takes a head in Latin-1 whose first line is no field. A line that is none is appended to the one before. */
export function fieldsOf(head: string): HeadField[] {
  const fields: HeadField[] = [];
  for (const line of head.split(/\r?\n/).slice(1)) {
    const colon = line.indexOf(":");
    const last = fields.at(-1);
    if (colon > 0 && !/^[ \t]/.test(line)) {
      fields.push({
        name: line.slice(0, colon).trim(),
        value: textOf(line.slice(colon + 1).trim()),
      });
    } else if (last !== undefined && line.trim() !== "") {
      last.value += ` ${textOf(line.trim())}`;
    }
  }
  return fields;
}

/** Values are bytes; most that are not ASCII are UTF-8 (RFC 9110 §5.5). */
function textOf(latin1: string): string {
  // eslint-disable-next-line no-control-regex -- what is not ASCII
  if (/^[\u0000-\u007f]*$/.test(latin1)) return latin1;
  const bytes = Uint8Array.from(latin1, (character) => character.charCodeAt(0));
  return decodeUtf8(bytes) ?? latin1;
}
