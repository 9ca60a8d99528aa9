// `--limit` and `--cursor` of what the API lists in pages.
import type { Command } from "commander";
import { printable } from "../../wire/printable.ts";
import { wholeNumber } from "./usage.ts";

export interface PageOptions {
  limit?: number;
  cursor?: string;
}

const MOST_ON_PAGE = 100;

export function addPageOptions(command: Command): Command {
  return command
    .option("--limit <n>", "so many on a page", wholeNumber(1, MOST_ON_PAGE))
    .option("--cursor <cursor>", "the page behind the one that named this cursor");
}

/** What stands below a table that is not the last page. */
export function morePages({ next_cursor: next }: { next_cursor: string | null }): string {
  return next === null ? "" : `\nmore: --cursor ${printable(next)}`;
}
