// Structured log lines, one JSON object each. Written behind the caller's back: a delivery never
// waits for a log (guarantee 8).
import pino from "pino";

export type Log = pino.Logger;

/** `flush` writes what has gathered; the end of the process calls it. */
export function createLog(level: string): { log: Log; flush: () => void } {
  const destination = pino.destination({ fd: 1, sync: false });
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
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        // Nothing can be written any more, and nobody is left to tell.
      }
    },
  };
}
