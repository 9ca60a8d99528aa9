// Structured log lines, one JSON object each. Written behind the caller's back: a delivery never
// waits for a log (guarantee 8). No line holds a secret (guarantee 9).
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

/** A reader that has stopped reading must not hold up the end of the process. */
const FLUSH_LIMIT_MS = 1_000;

/** Nobody means to log these; who spreads a whole webhook or request into a line must not either. */
const NEVER_SHOWN = ["secret", "secrets", "token", "password", "authorization", "headers"];

/** `flush` resolves when what has gathered is written; the end of the process awaits it. */
export function createLog(level: string): { log: Log; flush: () => Promise<void> } {
  // With `minLength` 0, its flush would not wait for the write that is under way.
  const destination = pino.destination({ fd: 1, sync: false, minLength: 1 });
  // A reader that went away (`fluxhook serve | head`) is no reason to stop delivering.
  destination.on("error", () => {});
  const log = pino(
    {
      level,
      base: null,
      messageKey: "event",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: shownError },
      // By their own names only: to look inside of objects too would cost more than the line (measured).
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
      // An error is the reader's end: nothing can be written any more, and nobody is left to tell.
      destination.flush(() => resolve());
      await written;
      clearTimeout(limit);
    },
  };
}

/**
 * Guarantee 9: by name what is shown of an error. Of its other properties, Valkey's hold the command
 * with its arguments (a webhook's record, the password of AUTH), those of fetch the URL.
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
