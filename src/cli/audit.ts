// `fluxhook audit`: prints who did what, and with --follow each new action.
import { InvalidArgumentError, type Command } from "commander";
import type { AuditEntry } from "../wire/audit.ts";
import { printable, printableJson } from "../wire/printable.ts";
import { ApiClient, queryOf } from "./terminal/api-client.ts";
import { isPassing } from "./terminal/api-stream.ts";
import { print, table } from "./terminal/output.ts";
import { untilNobodyReads, untilSignal } from "./terminal/signals.ts";
import {
  addOwnerOptions,
  addPageOptions,
  type Exit,
  morePages,
  ownerFields,
  type OwnerOptions,
  type PageOptions,
  withExamples,
} from "./terminal/usage.ts";

interface AuditOptions extends OwnerOptions, PageOptions {
  action?: string;
  follow?: boolean;
  json?: boolean;
}

interface Page {
  audit: AuditEntry[];
  next_cursor: string | null;
}

/** As the API has it. */
const ACTION = /^[a-z_]{1,32}(?:\.[a-z_]{1,32})?$/;
const LOOK_EVERY_MS = 1_000;
/** What is printed before the first new action. */
const BEFORE = 10;
/** Before every entry. */
const NONE = "0-0";
const MAX_PER_PAGE = 100;
const COLUMNS = [
  { name: "when", isWhole: true },
  { name: "action", isWhole: true },
  { name: "by" },
  { name: "owner" },
  { name: "about", isWhole: true },
  { name: "details" },
];

export function addAudit(program: Command, exit: Exit): void {
  const command = program
    .command("audit")
    .description("who created, changed, revealed, redelivered or revoked what, newest first");
  addOwnerOptions(command, {
    user: "only what was done to this user's things",
    org: "only what was done to this organisation's things",
  }).option(
    "--action <action>",
    "only this action, or all of a kind: webhook.created, webhook",
    actionOf,
  );
  addPageOptions(command)
    .option("-f, --follow", "print the last ones and each new one until Ctrl-C")
    .option("--json", "print the JSON of the API; with --follow one line for each action")
    .action(async (options: AuditOptions) => {
      if (options.follow && options.cursor !== undefined) {
        return command.error("error: --follow begins with the newest: it takes no --cursor");
      }
      return exit(await (options.follow ? follow(options) : list(options)));
    });
  withExamples(
    command,
    "fluxhook audit --user u_1",
    "fluxhook audit --action webhook.secret_revealed --json",
    "fluxhook audit --follow",
  );
}

async function list({ limit, cursor, json, ...filter }: AuditOptions): Promise<number> {
  const path = pathOf(filter, limit, cursor);
  const text = await ApiClient.ofEnvironment().text("GET", path);
  print(json === true, text, () => {
    const page = JSON.parse(text) as Page;
    if (page.audit.length === 0) return `nothing was done${morePages(page)}`;
    return table(COLUMNS, page.audit.map(cells)) + morePages(page);
  });
  return 0;
}

/** Looks once a second, until Ctrl-C or until the reader of the output ends (`| head`). */
async function follow({ limit = BEFORE, json, ...filter }: AuditOptions): Promise<number> {
  const api = ApiClient.ofEnvironment();
  const first = await pageOf(api, pathOf(filter, limit));
  let shown = show(first.audit.slice(0, limit), json === true) ?? NONE;
  const ended = Promise.race([untilSignal(), untilNobodyReads()]);
  let isAway = false;
  while (!(await Promise.race([ended, Bun.sleep(LOOK_EVERY_MS)]))) {
    try {
      shown = show(await newerThan(api, filter, shown), json === true) ?? shown;
      if (isAway) say("connected again");
      isAway = false;
    } catch (error) {
      if (!(error instanceof Away)) throw error;
      if (!isAway) say(`reconnecting: ${error.message}`);
      isAway = true;
    }
  }
  return 0;
}

/** Newest first. Where nothing was shown yet, one page: the others are of before. */
async function newerThan(
  api: ApiClient,
  filter: AuditOptions,
  shown: string,
): Promise<AuditEntry[]> {
  const found: AuditEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await pageOf(api, pathOf(filter, MAX_PER_PAGE, cursor));
    const fresh = page.audit.filter(({ id }) => isAfter(id, shown));
    found.push(...fresh);
    if (fresh.length < page.audit.length || fresh.length === 0 || shown === NONE) break;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}

/** Prints the oldest first. Returns the id of the newest; null if there is none. */
function show(entries: readonly AuditEntry[], isJson: boolean): string | null {
  for (const entry of entries.toReversed()) {
    const line = isJson
      ? printableJson(JSON.stringify(entry))
      : cells(entry).map(printable).join("  ");
    process.stdout.write(`${line}\n`);
  }
  return entries[0]?.id ?? null;
}

/** Ids of a Valkey stream: milliseconds and a number. */
function isAfter(id: string, other: string): boolean {
  const [ms = 0, n = 0] = id.split("-").map(Number);
  const [otherMs = 0, otherN = 0] = other.split("-").map(Number);
  return ms > otherMs || (ms === otherMs && n > otherN);
}

function cells(entry: AuditEntry): string[] {
  const { at, action, by, user_id, org_id, about, details } = entry;
  const owner = user_id === undefined ? (org_id ?? "–") : user_id;
  return [
    at.slice(0, 19).replace("T", " "),
    action,
    [by.kind, by.name ?? by.id].filter((one) => one !== null).join(" "),
    owner,
    about ?? "–",
    Object.entries(details)
      .map(([name, value]) => `${name}=${String(value)}`)
      .join(" ") || "–",
  ];
}

function pathOf(options: AuditOptions, limit?: number, cursor?: string): string {
  return `/v1/audit${queryOf({ ...ownerFields(options), action: options.action, limit, cursor })}`;
}

/** It may answer the next look. */
class Away extends Error {}

/** @throws Away, or Error with the problem's message */
async function pageOf(api: ApiClient, path: string): Promise<Page> {
  const answer = await api.ask("GET", path);
  if (answer.kind === "answered") return JSON.parse(answer.text) as Page;
  throw isPassing(answer) ? new Away(answer.message) : new Error(answer.message);
}

function actionOf(text: string): string {
  if (ACTION.test(text)) return text;
  throw new InvalidArgumentError(
    "It must be an action such as webhook.created, or a kind: webhook.",
  );
}

function say(line: string): void {
  process.stderr.write(`fluxhook: ${printable(line)}\n`);
}
