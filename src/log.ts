// Structured log lines, one JSON object each. Written behind the caller's back: a delivery never
// waits for a log (guarantee 8).
import pino from "pino";

export type Log = pino.Logger;

/** A reader that has stopped reading must not hold up the end of the process. */
const FLUSH_LIMIT_MS = 1_000;

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
