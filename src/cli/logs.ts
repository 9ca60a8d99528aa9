// `fluxhook logs`: prints an owner's last attempts, and with --follow each new one, of an owner or of all.
import { Option, type Command } from "commander";
import { EVENT_PATTERN_ACCEPTED, isEventPattern } from "../wire/event-pattern.ts";
import { STREAM_OUTCOMES, type LiveAttempt } from "../wire/live.ts";
import type { LogEntry } from "../wire/log-entry.ts";
import { printable, printableJson } from "../wire/printable.ts";
import { isOwnerId, OWNER_ID_ACCEPTED } from "../wire/owner.ts";
import { ApiClient, queryOf } from "./terminal/api-client.ts";
import { followStream, type StreamMessage } from "./terminal/api-stream.ts";
import { liveLine, logLine, logTable } from "./terminal/log-table.ts";
import { print } from "./terminal/output.ts";
import { untilNobodyReads, untilSignal } from "./terminal/signals.ts";
import {
  addOwnerOptions,
  type Exit,
  validated,
  type OwnerOptions,
  withExamples,
} from "./terminal/usage.ts";

interface LogsOptions extends OwnerOptions {
  follow?: boolean;
  outcome?: string;
  event?: string;
  json?: boolean;
}

/** More than any log keeps. Entries that fell out of a log do not come back. */
const MAX_SEEN = 10_000;

export function addLogs(program: Command, exit: Exit): void {
  const command = program
    .command("logs")
    .description("the last delivery attempts of a user's or an organisation's webhooks")
    .argument(
      "[user_id]",
      "the user's id; or use --user or --org; with --follow none for all owners",
      validated(isOwnerId, OWNER_ID_ACCEPTED),
    );
  addOwnerOptions(command, {
    user: "log of this user's webhooks",
    org: "log of this organisation's webhooks",
  })
    .option("-f, --follow", "print each new attempt until Ctrl-C")
    .addOption(
      new Option("--outcome <outcome>", "with --follow: only attempts with this outcome").choices(
        STREAM_OUTCOMES,
      ),
    )
    .option(
      "--event <type>",
      "with --follow: only attempts of this event type, or of a prefix such as file.*",
      validated(isEventPattern, EVENT_PATTERN_ACCEPTED),
    )
    .option("--json", "print the JSON of the API; with --follow one line for each attempt")
    .action(async (userId: string | undefined, options: LogsOptions) => {
      exit(await logs(userId, options, command));
    });
  withExamples(
    command,
    "fluxhook logs u_1",
    "fluxhook logs --org o_1 --follow",
    "fluxhook logs --follow --outcome failed",
  );
}

async function logs(
  userId: string | undefined,
  { user, org, follow, json, outcome, event }: LogsOptions,
  command: Command,
): Promise<number> {
  const named = [userId, user, org].filter((one) => one !== undefined);
  const [id] = named;
  if (named.length > 1 || (id === undefined && !follow)) {
    return command.error("error: give one owner: a user's id, or --org <id>");
  }
  if (!follow && (outcome !== undefined || event !== undefined)) {
    return command.error("error: --outcome and --event need --follow");
  }
  const api = ApiClient.ofEnvironment();
  const owner = id === undefined ? {} : org === undefined ? { user_id: id } : { org_id: id };
  const path = `/v1/${org === undefined ? "users" : "orgs"}/${encodeURIComponent(id ?? "")}/logs`;
  if (follow) {
    // Of a part of the attempts, the beginning is not a part of the log.
    const isWhole = id !== undefined && outcome === undefined && event === undefined;
    return followLog(api, {
      before: isWhole ? path : null,
      owner,
      stream: `/v1/stream${queryOf({ ...owner, outcome, event })}`,
      isJson: json === true,
    });
  }
  const text = await api.text("GET", path);
  print(json === true, text, () => {
    const entries = entriesIn(text);
    return entries.length === 0 ? "no attempts in the last days" : logTable(entries);
  });
  return 0;
}

interface Following {
  /** The log to begin with. */
  before: string | null;
  owner: { user_id?: string; org_id?: string };
  stream: string;
  isJson: boolean;
}

/** Runs until Ctrl-C, or until the reader of the output ends (`| head`). */
async function followLog(
  api: ApiClient,
  { before, owner, stream, isJson }: Following,
): Promise<number> {
  const ended = new AbortController();
  void Promise.race([untilSignal(), untilNobodyReads()]).then(() => ended.abort());
  const seen = new Set<string>();
  const isOfAll = owner.user_id === undefined && owner.org_id === undefined;
  function show(entry: LiveAttempt): void {
    if (!isNew(entry, seen)) return;
    const line = isOfAll ? liveLine(entry) : logLine(entry);
    process.stdout.write(`${isJson ? printableJson(JSON.stringify(entry)) : line}\n`);
  }
  let hasBegun = false;
  async function message({ event, data }: StreamMessage): Promise<void> {
    // The stream is open now, so nothing can be missed between the log and the stream.
    if (event === "hello" && !hasBegun && before !== null) {
      const entries = entriesIn(await api.text("GET", before)).toReversed();
      for (const entry of entries) show({ ...entry, ...owner });
    }
    hasBegun = true;
    if (event === "attempt") show(JSON.parse(data) as LiveAttempt);
    else if (event === "skipped" || event === "dropped") say("some attempts are not shown");
  }
  const reader = {
    message,
    lost: (why: string) => say(`reconnecting: ${why}`),
    back: () => say("connected again"),
  };
  await followStream(api, stream, reader, ended.signal);
  return 0;
}

function isNew(entry: LogEntry, seen: Set<string>): boolean {
  // Entries that are not attempts have no id.
  const name = entry.delivery_id || (entry.raw ?? entry.raw_base64 ?? "");
  if (seen.has(name)) return false;
  seen.add(name);
  for (const oldest of seen) {
    if (seen.size <= MAX_SEEN) break;
    seen.delete(oldest);
  }
  return true;
}

function entriesIn(text: string): LogEntry[] {
  return (JSON.parse(text) as { logs: LogEntry[] }).logs;
}

function say(line: string): void {
  process.stderr.write(`fluxhook: ${printable(line)}\n`);
}
