// Reads Retry-After (RFC 9110 §10.2.3): seconds, or an HTTP-date in any of the three forms that
// §5.6.7 obliges a recipient to accept.

/** A receiver can ask for at most a day; a longer wait is shortened to that. */
export const MAX_RETRY_AFTER_MS = 24 * 3_600_000;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const TIME = String.raw`(?<hour>\d{2}):(?<minute>\d{2}):(?<second>\d{2})`;
const DATE_FORMS = [
  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
  String.raw`[A-Z][a-z]{2}, (?<day>\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\d{4}) ${TIME} GMT`,
  // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
  String.raw`[A-Z][a-z]{5,8}, (?<day>\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\d{2}) ${TIME} GMT`,
  // asctime: Sun Nov  6 08:49:37 1994
  String.raw`[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \d]\d) ${TIME} (?<year>\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/** Returns the milliseconds from `nowMs`, 0 for a past date, or null if the text has neither form. */
export function readRetryAfter(text: string, nowMs: number): number | null {
  const trimmed = text.trim();
  if (/^\d+$/.test(trimmed)) return Math.min(Number(trimmed) * 1_000, MAX_RETRY_AFTER_MS);
  const dateMs = readHttpDate(trimmed, nowMs);
  return dateMs === null ? null : Math.min(Math.max(dateMs - nowMs, 0), MAX_RETRY_AFTER_MS);
}

function readHttpDate(text: string, nowMs: number): number | null {
  for (const form of DATE_FORMS) {
    const parts = form.exec(text)?.groups;
    if (!parts) continue;
    const month = MONTHS.indexOf(parts["month"] ?? "");
    const day = Number(parts["day"]);
    const [hour, minute, second] = [parts["hour"], parts["minute"], parts["second"]].map(Number);
    const year = fullYear(parts["year"] ?? "", nowMs);
    // 60 is a leap second.
    if (month < 0 || hour! > 23 || minute! > 59 || second! > 60) return null;
    const date = new Date(Date.UTC(year, month, day, hour, minute, second));
    // Date.UTC turns 31 February into a day of March.
    return new Date(Date.UTC(year, month, day)).getUTCDate() === day ? date.getTime() : null;
  }
  return null;
}

/** A two-digit year more than 50 years ahead is the latest past year with those digits (§5.6.7). */
function fullYear(digits: string, nowMs: number): number {
  if (digits.length === 4) return Number(digits);
  const thisYear = new Date(nowMs).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(digits);
  return year > thisYear + 50 ? year - 100 : year;
}
