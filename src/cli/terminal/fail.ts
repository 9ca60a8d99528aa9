// Prints an error's message without a stack trace. Secrets are redacted, in uncaught errors too
// (guarantee 9). Exit codes: 1 failure, 2 wrong usage.
import { SettingsError } from "../../config/settings.ts";
import { printableLines } from "../../wire/printable.ts";
import { redact } from "../../wire/redact.ts";

/** Prints the error and returns the exit code. */
export function fail(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`fluxhook: ${printableLines(redact(message))}\n`);
  return error instanceof SettingsError ? 2 : 1;
}

/**
 * Prints an uncaught error with its stack: it is a fault of ours. The process continues, as with Bun's
 * own handler. Bun's would also print all properties of the error, and Valkey's errors contain the
 * command with its arguments: a webhook's record, the password of AUTH.
 */
function reportUncaught(error: unknown): void {
  process.stderr.write(
    `fluxhook: uncaught: ${printableLines(redact(stackOf(error, MAX_CAUSES)))}\n`,
  );
}

const MAX_CAUSES = 5;

function stackOf(error: unknown, causes: number): string {
  if (!(error instanceof Error)) return String(error);
  const stack = error.stack ?? error.message;
  if (error.cause === undefined || causes === 0) return stack;
  return `${stack}\ncaused by: ${stackOf(error.cause, causes - 1)}`;
}

process.on("uncaughtException", reportUncaught);
process.on("unhandledRejection", reportUncaught);
