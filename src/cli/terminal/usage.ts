// Common parts of all commands: examples below the help, one of them after a usage error, and options
// that say what they accept. A usage error ends with exit code 2.
import { InvalidArgumentError, type Command } from "commander";
import { isOwnerId, OWNER_ID_ACCEPTED } from "../../wire/owner.ts";
import { printable, printableLines } from "../../wire/printable.ts";
import { redact } from "../../wire/redact.ts";

/** Sets the exit code: 0 success, 1 failure. */
export type Exit = (code: number) => void;

export function examples(...lines: string[]): string {
  return `\nExample${lines.length > 1 ? "s" : ""}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

export function withExamples(command: Command, first: string, ...more: string[]): Command {
  return command
    .addHelpText("after", examples(first, ...more))
    .showHelpAfterError(`example: ${first}\n(${fullName(command)} --help shows more)`);
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

/** Redacts the text: commander repeats unknown arguments, and these may be misplaced secrets (guarantee 9). */
export function writeError(text: string): void {
  process.stderr.write(printableLines(redact(text)));
}

/** Parses an option that is a whole number. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Parses an option with a rule of wire/. */
export function validated(
  isAccepted: (text: string) => boolean,
  accepted: string,
): (text: string) => string {
  return (text) => {
    if (isAccepted(text)) return text;
    throw new InvalidArgumentError(`It must be ${accepted}.`);
  };
}

/** Parses an option that may be repeated. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** Parses `a,b`, and appends to what was given before. */
export function commaSeparated(text: string, before: readonly string[] | undefined): string[] {
  const parts = text.split(",").map((part) => part.trim());
  return [...(before ?? []), ...parts.filter((part) => part !== "")];
}

/**
 * Parses `Name: value`. Commander does not parse it, because it would repeat an invalid one, which may
 * be a credential.
 */
export function headersOf(lines: readonly string[], command: Command): [string, string][] {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) return command.error("error: --header takes 'Name: value'");
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
}

const MAX_PER_PAGE = 100;

export interface PageOptions {
  limit?: number;
  cursor?: string;
}

/** Adds `--limit` and `--cursor` for lists that the API pages. */
export function addPageOptions(command: Command): Command {
  return command
    .option("--limit <n>", "entries per page", wholeNumber(1, MAX_PER_PAGE))
    .option("--cursor <cursor>", "the page after the one that printed this cursor");
}

/** Returns the line below a table that is not the last page. */
export function morePages({ next_cursor: next }: { next_cursor: string | null }): string {
  return next === null ? "" : `\nmore: --cursor ${printable(next)}`;
}

export interface OwnerOptions {
  user?: string;
  org?: string;
}

const ownerId = validated(isOwnerId, OWNER_ID_ACCEPTED);

/** Adds `--user` and `--org`, the owner. */
export function addOwnerOptions(command: Command, words: { user: string; org: string }): Command {
  return command
    .option("--user <id>", words.user, ownerId)
    .option("--org <id>", words.org, ownerId);
}

/** Converts the options to the API's fields. JSON and queries omit undefined ones. */
export function ownerFields({ user, org }: OwnerOptions): { user_id?: string; org_id?: string } {
  return { user_id: user, org_id: org };
}
