// `fluxhook logs`: an owner's last attempts, and with --follow each new one as it comes.
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
/** More than any log keeps: what has fallen out of a log does not come back. */
const MAX_SEEN = 10_000;

export function addLogs(program: Command, exit: Exit): void {
  const command = program
    .command("logs")
    .description("the last delivery attempts of a user's or an organisation's webhooks")
    .argument(
      "[user_id]",
      "whose; --user and --org say it too",
      validated(isOwnerId, OWNER_ID_ACCEPTED),
    );
  addOwnerOptions(command, {
    user: "of this user's webhooks",
    org: "of this organisation's webhooks",
  })
    .option("-f, --follow", "go on with each new attempt until Ctrl-C")
    .option("--json", "print JSON as the API answers it; with --follow one line for each attempt")
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
    return command.error("error: say whose log: a user's id, or --org <id>; one of them");
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

/** Until Ctrl-C, or until whoever reads the output is gone (`| head`). */
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

/** The oldest first; each is new but once. */
function unseen(entries: readonly LogEntry[], seen: Set<string>): LogEntry[] {
  const fresh = entries.filter((entry) => !seen.has(nameOf(entry))).toReversed();
  for (const entry of fresh) seen.add(nameOf(entry));
  for (const oldest of seen) {
    if (seen.size <= MAX_SEEN) break;
    seen.delete(oldest);
  }
  return fresh;
}

/** What is no attempt has no id. */
function nameOf({ delivery_id, raw, raw_base64 }: LogEntry): string {
  return delivery_id || (raw ?? raw_base64 ?? "");
}

/** A restart, an outage, a proxy in between; a token that is wrong stays wrong. */
function isPassing(answer: Exclude<Answer, { kind: "answered" }>): boolean {
  return answer.kind === "unreachable" || answer.status >= 500 || answer.status === 429;
}

function untilNobodyReads(): Promise<string> {
  return new Promise((resolve) => {
    process.stdout.on("error", () => resolve("nobody reads"));
  });
}

function entriesIn(text: string): LogEntry[] {
  return (JSON.parse(text) as { logs: LogEntry[] }).logs;
}

function say(line: string): void {
  process.stderr.write(`fluxhook: ${printable(line)}\n`);
}
