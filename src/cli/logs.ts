// `fluxhook logs`: prints an owner's last attempts, and with --follow each new one.
import type { Command } from "commander";
import type { LogEntry } from "../wire/log-entry.ts";
import { printable, printableJson } from "../wire/printable.ts";
import { isOwnerId, OWNER_ID_ACCEPTED } from "../wire/owner.ts";
import { ApiClient, type Answer } from "./terminal/api-client.ts";
import { logLine, logTable } from "./terminal/log-table.ts";
import { print } from "./terminal/output.ts";
import { untilSignal } from "./terminal/signals.ts";
import {
  addOwnerOptions,
  type Exit,
  validated,
  type OwnerOptions,
  withExamples,
} from "./terminal/usage.ts";

interface LogsOptions extends OwnerOptions {
  follow?: boolean;
  json?: boolean;
}

const LOOK_EVERY_MS = 1_000;
/** More than any log keeps. Entries that fell out of a log do not come back. */
const MAX_SEEN = 10_000;

export function addLogs(program: Command, exit: Exit): void {
  const command = program
    .command("logs")
    .description("the last delivery attempts of a user's or an organisation's webhooks")
    .argument(
      "[user_id]",
      "the user's id; or use --user or --org",
      validated(isOwnerId, OWNER_ID_ACCEPTED),
    );
  addOwnerOptions(command, {
    user: "log of this user's webhooks",
    org: "log of this organisation's webhooks",
  })
    .option("-f, --follow", "print each new attempt until Ctrl-C")
    .option("--json", "print the JSON of the API; with --follow one line for each attempt")
    .action(async (userId: string | undefined, options: LogsOptions) => {
      exit(await logs(userId, options, command));
    });
  withExamples(command, "fluxhook logs u_1", "fluxhook logs --org o_1 --follow");
}

async function logs(
  userId: string | undefined,
  { user, org, follow, json }: LogsOptions,
  command: Command,
): Promise<number> {
  const named = [userId, user, org].filter((one) => one !== undefined);
  const [id] = named;
  if (id === undefined || named.length > 1) {
    return command.error("error: give one owner: a user's id, or --org <id>");
  }
  const path = `/v1/${org === undefined ? "users" : "orgs"}/${encodeURIComponent(id)}/logs`;
  const api = ApiClient.ofEnvironment();
  if (follow) return followLog(api, path, json === true);
  const text = await api.text("GET", path);
  print(json === true, text, () => {
    const entries = entriesIn(text);
    return entries.length === 0 ? "no attempts in the last days" : logTable(entries);
  });
  return 0;
}

/** Runs until Ctrl-C, or until the reader of the output ends (`| head`). */
async function followLog(api: ApiClient, path: string, isJson: boolean): Promise<number> {
  const stopped = Promise.race([untilSignal(), untilNobodyReads()]);
  const seen = new Set<string>();
  let isAway = false;
  for (let looks = 0; ; looks += 1) {
    const answer = await Promise.race([api.ask("GET", path), stopped]);
    if (typeof answer === "string") return 0;
    if (answer.kind === "answered") {
      if (isAway) say("connected again");
      isAway = false;
      const entries = unseen(entriesIn(answer.text), seen);
      for (const entry of entries) {
        process.stdout.write(`${isJson ? printableJson(JSON.stringify(entry)) : logLine(entry)}\n`);
      }
    } else {
      if (looks === 0 || !isPassing(answer)) throw new Error(answer.message);
      if (!isAway) say(`reconnecting: ${answer.message}`);
      isAway = true;
    }
    if ((await Promise.race([Bun.sleep(LOOK_EVERY_MS), stopped])) !== undefined) return 0;
  }
}

/** Returns the entries not seen before, oldest first. */
function unseen(entries: readonly LogEntry[], seen: Set<string>): LogEntry[] {
  const fresh = entries.filter((entry) => !seen.has(nameOf(entry))).toReversed();
  for (const entry of fresh) seen.add(nameOf(entry));
  for (const oldest of seen) {
    if (seen.size <= MAX_SEEN) break;
    seen.delete(oldest);
  }
  return fresh;
}

/** Entries that are not attempts have no id. */
function nameOf({ delivery_id, raw, raw_base64 }: LogEntry): string {
  return delivery_id || (raw ?? raw_base64 ?? "");
}

/** True for a restart, an outage or a proxy error; a wrong token stays wrong. */
function isPassing(answer: Exclude<Answer, { kind: "answered" }>): boolean {
  return answer.kind === "unreachable" || answer.status >= 500 || answer.status === 429;
}

function untilNobodyReads(): Promise<string> {
  return new Promise((resolve) => {
    process.stdout.on("error", () => resolve("the reader has ended"));
  });
}

function entriesIn(text: string): LogEntry[] {
  return (JSON.parse(text) as { logs: LogEntry[] }).logs;
}

function say(line: string): void {
  process.stderr.write(`fluxhook: ${printable(line)}\n`);
}
