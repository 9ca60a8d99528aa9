// Checks RFC 3339 date-times strictly: JavaScript's Date accepts 31 February and refuses leap seconds.

const FORM =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.\d+)?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** A schema's pattern. `isTimestamp` also checks the day of the month and leap seconds. */
export const TIMESTAMP_PATTERN = FORM.source;

export const TIMESTAMP_ACCEPTED =
  "an RFC 3339 time with its offset, such as 2026-01-31T12:00:00Z" as const;

export function isTimestamp(text: string): boolean {
  const match = FORM.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as DateParts;
  const offsetHour = Number(match[8] ?? 0);
  const offsetMinute = Number(match[9] ?? 0);
  if (day > daysIn(year, month)) return false;
  if (second < 60) return true;
  // RFC 3339 §5.7: a leap second is the last of a month in UTC, so the next minute is the first of one.
  const offset = (offsetHour * 60 + offsetMinute) * (match[7] === "-" ? -1 : 1);
  const after = new Date(Date.UTC(year, month - 1, day, hour, minute + 1 - offset));
  return after.getUTCDate() === 1 && after.getUTCHours() === 0 && after.getUTCMinutes() === 0;
}

/** Milliseconds since 1970 of a text that `isTimestamp` accepts. A leap second is the second after it. */
export function timestampMs(text: string): number {
  const isLeap = FORM.exec(text)?.[6] === "60";
  const ordinary = isLeap ? `${text.slice(0, 17)}59${text.slice(19)}` : text;
  return Date.parse(ordinary.toUpperCase()) + (isLeap ? 1_000 : 0);
}

type DateParts = [number, number, number, number, number, number];

function daysIn(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
}

/** Returns Unix milliseconds as RFC 3339. */
export function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
