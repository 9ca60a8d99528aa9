// JSON that cannot be taken at its word. Half of a surrogate pair (`"\ud800"`), which no UTF-8 can hold:
// other parsers refuse the whole document then, Valkey's Lua among them (RFC 8259 §8.2, RFC 7493 §2.1).
// And the key `__proto__`, which is no member once it is set on an object.

interface Place {
  value: unknown;
  key: string;
  parent: Place | null;
}

/** UTF-8 that was decoded strictly has such a half only where it is escaped. */
const ESCAPED_HALF = /\\u[dD][89a-fA-F]/;

/** The dotted path to the first text that holds one, null where none does. `value` is what `text` says. */
export function findLoneSurrogate(text: string, value: unknown): string | null {
  if (!ESCAPED_HALF.test(text)) return null;
  return find(value, (place) => {
    if (typeof place.value === "string") return place.value.isWellFormed() ? null : pathOf(place);
    return keysOf(place.value).every((key) => key.isWellFormed()) ? null : pathOf(place);
  });
}

/** As it is written, or with an escape in it. */
const MAYBE_UNSAFE = /__proto__|\\u00(?:5[fF]|7[0-9])|\\u006[0-9a-fA-F]/;

/**
 * The dotted path to a key `__proto__`, null where there is none. Set on an object it changes what the
 * object is and leaves no member, so validators pass over it: what the user named would be gone.
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
