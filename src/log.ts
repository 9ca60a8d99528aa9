// Structured log lines, one JSON object each. They are written in the background: a delivery never waits
// for a log (guarantee 8). No line contains a secret (guarantee 9).
import pino from "pino";
import { printableJson } from "./wire/printable.ts";
import { redact } from "./wire/redact.ts";

export type Log = pino.Logger;

/** What the rooms below `service/` need of a logger. Log events are `noun.verb`. */
export interface WorkerLog {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
}

/** A reader that no longer reads must not delay the end of the process. */
const FLUSH_LIMIT_MS = 1_000;

/** Fields that are masked, in case a whole webhook or request is spread into a line. */
const NEVER_SHOWN = ["secret", "secrets", "token", "password", "authorization", "headers"];

/** `flush` resolves when all lines are written. The process awaits it before it ends. */
export function createLog(level: string): { log: Log; flush: () => Promise<void> } {
  // With `minLength` 0, flush would not wait for a write in progress.
  const destination = pino.destination({ fd: 1, sync: false, minLength: 1 });
  // A reader that closed the pipe (`fluxhook serve | head`) is no reason to stop delivering.
  destination.on("error", () => {});
  const log = pino(
    {
      level,
      base: null,
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: shownError },
      // Only at the top level: searching objects would cost more than the line (measured: commit 2cc8089).
      redact: { paths: NEVER_SHOWN, censor: "***" },
      hooks: { streamWrite: printableJson },
    },
    destination,
  );
  return {
    log,
    flush: async () => {
      const { promise: written, resolve } = Promise.withResolvers<void>();
      const limit = setTimeout(resolve, FLUSH_LIMIT_MS);
      // After an error the reader is gone, so nothing more can be written or reported.
      destination.flush(() => resolve());
      await written;
      clearTimeout(limit);
    },
  };
}

/**
 * Guarantee 9: logs only these properties of an error. Others may contain secrets: the errors of Valkey's
 * client have the command with its arguments (a webhook's record, the password of AUTH), those of `fetch`
 * the URL.
 */
function shownError(error: unknown): unknown {
  if (!(error instanceof Error)) return typeof error === "string" ? redact(error) : typeof error;
  const { type, message, stack } = pino.stdSerializers.err(error);
  const { code } = error as { code?: unknown };
  return {
    type,
    message: redact(message),
    ...(typeof code === "string" || typeof code === "number" ? { code } : {}),
    stack: redact(stack),
  };
}
