// JSON can hold half of a surrogate pair (`"\ud800"`), which no UTF-8 can: other parsers refuse the
// whole document then, Valkey's Lua among them (RFC 8259 §8.2, RFC 7493 §2.1).

interface Place {
  value: unknown;
  key: string;
  parent: Place | null;
}

/** UTF-8 that was decoded strictly has such a half only where it is escaped. */
const ESCAPED_HALF = /\\u[dD][89a-fA-F]/;

/** The dotted path to the first text that holds one, null where none does. `value` is what `text` says. */
export function illFormedText(text: string, value: unknown): string | null {
  if (!ESCAPED_HALF.test(text)) return null;
  // A stack of its own: a body may be nested deeper than calls may be.
  const places: Place[] = [{ value, key: "", parent: null }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    if (typeof place.value === "string" && !place.value.isWellFormed()) return pathOf(place);
    if (typeof place.value !== "object" || place.value === null) continue;
    for (const [key, inner] of Object.entries(place.value)) {
      if (!key.isWellFormed()) return pathOf(place);
      places.push({ value: inner, key, parent: place });
    }
  }
  return null;
}

function pathOf(place: Place): string {
  const keys: string[] = [];
  for (let at = place; at.parent !== null; at = at.parent) keys.push(at.key);
  return keys.toReversed().join(".");
}
