// Event types (`file.created`), and the patterns by which a webhook selects them.

const MAX_TYPE_LENGTH = 128;

/** Words joined by dots. Each word ends at a dot or at the end, so the match is linear in time. */
const TYPE_FORM = /^[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*$/;
const TYPE = TYPE_FORM.source.slice(1, -1);

/** JSON Schema for what `isEventType` and `isEventPattern` accept. */
export const EVENT_TYPE_FORM = { pattern: TYPE_FORM.source, maxLength: MAX_TYPE_LENGTH };
export const EVENT_PATTERN_FORM = {
  pattern: `^(?:\\*|(?=.{1,${MAX_TYPE_LENGTH}}(?:\\.\\*)?$)${TYPE}(?:\\.\\*)?)$`,
  maxLength: MAX_TYPE_LENGTH + ".*".length,
};

export const EVENT_TYPE_ACCEPTED =
  "words of A-Z a-z 0-9 _ joined by dots, at most 128 characters, such as file.created" as const;

export const EVENT_PATTERN_ACCEPTED =
  "an event type such as file.created, a prefix such as file.* (any depth below), or *" as const;

export function isEventType(text: string): boolean {
  return text.length <= MAX_TYPE_LENGTH && TYPE_FORM.test(text);
}

export function isEventPattern(text: string): boolean {
  if (text === "*") return true;
  return isEventType(text.endsWith(".*") ? text.slice(0, -2) : text);
}

/** Returns true if a webhook with this pattern receives events of this type. Both must be well-formed. */
export function matchesPattern(pattern: string, type: string): boolean {
  if (pattern === "*") return true;
  // The prefix includes the dot: `file.*` matches neither `file` nor `files.created`.
  return pattern.endsWith(".*") ? type.startsWith(pattern.slice(0, -1)) : pattern === type;
}

/** Prepares `matchesPattern` for all patterns of a webhook, so that a match is one lookup and no loop. */
export function compilePatterns(patterns: readonly string[]): (type: string) => boolean {
  if (patterns.includes("*")) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith(".*")));
  const prefixes = patterns
    .filter((pattern) => pattern.endsWith(".*"))
    .map((pattern) => pattern.slice(0, -1));
  if (prefixes.length === 0) return (type) => exact.has(type);
  return (type) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}
