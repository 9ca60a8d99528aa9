// What a user sees of an error: its message, no stack trace. Exit codes: 1 it failed, 2 wrong usage.
import { SettingsError } from "../config.ts";

/** Prints the error and answers the exit code. */
export function fail(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`fluxhook: ${message}\n`);
  return error instanceof SettingsError ? 2 : 1;
}
