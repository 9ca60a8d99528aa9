// What every command has: examples below its help, one of them where it was used wrongly, and options
// that say what they accept. Wrong use ends with 2 (main.ts).
import { InvalidArgumentError, type Command } from "commander";
import { isOwnerId, OWNER_ID_ACCEPTED } from "../../wire/owner.ts";
import { printable, printableLines } from "../../wire/printable.ts";
import { redact } from "../../wire/redact.ts";

/** Takes the exit code of a command: 0 done, 1 it failed. */
export type Exit = (code: number) => void;

export function examples(...lines: string[]): string {
  return `\nExample${lines.length > 1 ? "s" : ""}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

export function withExamples(command: Command, first: string, ...more: string[]): Command {
  return command
    .addHelpText("after", examples(first, ...more))
    .showHelpAfterError(`write for example: ${first}\n(${fullName(command)} --help says more)`);
}

function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

/** Guarantee 9: commander repeats what it does not know, and that may be a secret in the wrong place. */
export function writeError(text: string): void {
  process.stderr.write(printableLines(redact(text)));
}

/** For an option that takes a whole number. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,12}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** For an option whose text a rule of wire/ judges. */
export function validated(
  isAccepted: (text: string) => boolean,
  accepted: string,
): (text: string) => string {
  return (text) => {
    if (isAccepted(text)) return text;
    throw new InvalidArgumentError(`It must be ${accepted}.`);
  };
}

/** For an option that may be given more than once. */
export function collect(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** `a,b` and what was given before. */
export function commaSeparated(text: string, before: readonly string[] | undefined): string[] {
  const parts = text.split(",").map((part) => part.trim());
  return [...(before ?? []), ...parts.filter((part) => part !== "")];
}

/**
 * `Name: value`, as a request has it. Not read by commander, which would repeat a wrong one: it may
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

/** `--limit` and `--cursor` of what the API lists in pages. */
export function addPageOptions(command: Command): Command {
  return command
    .option("--limit <n>", "so many on a page", wholeNumber(1, MAX_PER_PAGE))
    .option("--cursor <cursor>", "the page behind the one that named this cursor");
}

/** What stands below a table that is not the last page. */
export function morePages({ next_cursor: next }: { next_cursor: string | null }): string {
  return next === null ? "" : `\nmore: --cursor ${printable(next)}`;
}

export interface OwnerOptions {
  user?: string;
  org?: string;
}

const ownerId = validated(isOwnerId, OWNER_ID_ACCEPTED);

/** `--user` and `--org`: whose things a command is about. */
export function addOwnerOptions(command: Command, words: { user: string; org: string }): Command {
  return command
    .option("--user <id>", words.user, ownerId)
    .option("--org <id>", words.org, ownerId);
}

/** As the API names them; what is not given is left out of JSON and of queries. */
export function ownerFields({ user, org }: OwnerOptions): { user_id?: string; org_id?: string } {
  return { user_id: user, org_id: org };
}
