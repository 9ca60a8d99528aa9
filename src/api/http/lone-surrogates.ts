// Finds two things in JSON that cannot be stored as they are written. Half of a surrogate pair (`"\ud800"`)
// has no UTF-8; other parsers, Valkey's Lua among them, refuse a document with one (RFC 8259 §8.2, RFC 7493
// §2.1). The key `__proto__` does not become a member of an object when it is set.

interface Place {
  value: unknown;
  key: string;
  parent: Place | null;
}

/** Strictly decoded UTF-8 can hold such a half only as an escape. */
const ESCAPED_HALF = /\\u[dD][89a-fA-F]/;

/** Returns the dotted path to the first string that holds one, or null. `value` is the parsed `text`. */
export function findLoneSurrogate(text: string, value: unknown): string | null {
  if (!ESCAPED_HALF.test(text)) return null;
  return find(value, (place) => {
    if (typeof place.value === "string") return place.value.isWellFormed() ? null : pathOf(place);
    return keysOf(place.value).every((key) => key.isWellFormed()) ? null : pathOf(place);
  });
}

/** Written as it is, or with an escape in it. */
const MAYBE_UNSAFE = /__proto__|\\u00(?:5[fF]|7[0-9])|\\u006[0-9a-fA-F]/;

/**
 * Returns the dotted path to a key `__proto__`, or null. When it is set, it changes the prototype of the
 * object and becomes no member, so validators do not see it and the user's value would be lost.
 */
export function findUnsafeKey(text: string, value: unknown): string | null {
  if (!MAYBE_UNSAFE.test(text)) return null;
  return find(value, (place) => (place.key === "__proto__" ? pathOf(place) : null));
}

/** Returns the first answer of `check` about a value or one inside of it that is not null. */
function find(value: unknown, check: (place: Place) => string | null): string | null {
  const places: Place[] = [{ value, key: "", parent: null }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const found = check(place);
    if (found !== null) return found;
    if (typeof place.value !== "object" || place.value === null) continue;
    for (const [key, inner] of Object.entries(place.value)) {
      places.push({ value: inner, key, parent: place });
    }
  }
  return null;
}

function keysOf(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

function pathOf(place: Place): string {
  const keys: string[] = [];
  for (let at = place; at.parent !== null; at = at.parent) keys.push(at.key);
  return keys.toReversed().join(".");
}
