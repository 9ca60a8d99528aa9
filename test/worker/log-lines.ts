// A log that keeps its lines for the test to look at.
import type { WorkerLog } from "../../src/log.ts";

export interface LogLines extends WorkerLog {
  lines: { level: string; event: string; fields: Record<string, unknown> }[];
  /** The fields of all lines of that event. */
  of(event: string): Record<string, unknown>[];
}

export function logLines(): LogLines {
  const lines: LogLines["lines"] = [];
  const at = (level: string) => (fields: object, event: string) => {
    lines.push({ level, event, fields: { ...fields } });
  };
  return {
    lines,
    of: (event) => lines.filter((line) => line.event === event).map((line) => line.fields),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}
