// Times for people: "3 min ago" where it is near, with the exact one for whoever wants it. What is no time
// (another program may write into the log) is shown as nothing.

const UNITS: readonly [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

export function fromNow(time: string, nowMs: number = Date.now()): string {
  const seconds = Math.round((Date.parse(time) - nowMs) / 1_000);
  if (Number.isNaN(seconds)) return "";
  const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

/** 24 hours, with the day where it is not today's. */
export function clockTime(time: string | Date, now: Date = new Date()): string {
  const at = new Date(time);
  const clock = at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  if (at.toDateString() === now.toDateString()) return clock;
  return `${at.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" })} ${clock}`;
}

/** To the second, in the reader's zone. */
export function exactTime(time: string): string {
  if (Number.isNaN(Date.parse(time))) return "";
  return new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "long" });
}
