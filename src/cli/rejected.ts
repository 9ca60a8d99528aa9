// `fluxhook rejected`: lists the elements that were not valid events, and pushes them again after the
// producer or a setting was corrected.
import type { Command } from "commander";
import { ApiClient, queryOf } from "./terminal/api-client.ts";
import { colors, print, table } from "./terminal/output.ts";
import {
  addPageOptions,
  type Exit,
  morePages,
  type PageOptions,
  wholeNumber,
  withExamples,
} from "./terminal/usage.ts";

interface Rejected {
  id: string;
  reason: string;
  message: string;
  /** Null if the record is not a rejected element. */
  queue: string | null;
  size: number;
  rejected_at: string | null;
}

interface RequeueOptions {
  all?: boolean;
  limit?: number;
  json?: boolean;
}

const MAX_PER_CALL = 1_000;
const ID = /^[0-9a-f]{16}$/;
const COLUMNS = [
  { name: "id", isWhole: true },
  { name: "rejected at", isWhole: true },
  { name: "reason" },
  { name: "what was found" },
  { name: "bytes", isWhole: true },
  { name: "list" },
];

export function addRejected(program: Command, exit: Exit): void {
  const rejected = program
    .command("rejected")
    .description("the elements that were not valid events, with their bytes and the reason");
  withExamples(rejected, "fluxhook rejected list");

  const listing = rejected.command("list").description("list them, newest first");
  addPageOptions(listing)
    .option("--json", "print the JSON of the API, with the elements")
    .action(async (options: PageOptions & { json?: boolean }) => {
      exit(await list(options));
    });
  withExamples(listing, "fluxhook rejected list", "fluxhook rejected list --limit 100 --json");

  const requeueing = rejected
    .command("requeue")
    .description(
      "push them onto their lists again, unchanged: after the producer or a setting was corrected",
    )
    .argument("[ids...]", "the ids from `rejected list`")
    .option("--all", "all of them, oldest first")
    .option("--limit <n>", "requeue at most this many", wholeNumber(1, MAX_PER_CALL))
    .option("--json", "print the JSON of the API")
    .action(async (ids: string[], options: RequeueOptions, command: Command) => {
      exit(await requeue([...new Set(ids)], options, command));
    });
  withExamples(
    requeueing,
    "fluxhook rejected requeue 5f0c3a527d0e4c7c",
    "fluxhook rejected requeue --all --limit 100",
  );
}

async function list({ json, ...page }: PageOptions & { json?: boolean }): Promise<number> {
  const path = `/v1/rejected${queryOf({ limit: page.limit, cursor: page.cursor })}`;
  const text = await ApiClient.ofEnvironment().text("GET", path);
  print(json === true, text, () => {
    const found = JSON.parse(text) as { rejected: Rejected[]; next_cursor: string | null };
    if (found.rejected.length === 0) return "nothing was rejected";
    return table(COLUMNS, found.rejected.map(row)) + morePages(found);
  });
  return 0;
}

function row(rejected: Rejected) {
  return [
    rejected.id,
    rejected.rejected_at?.slice(0, 19) ?? "–",
    { text: rejected.reason, paint: colors.red },
    rejected.message,
    String(rejected.size),
    rejected.queue ?? "–",
  ];
}

async function requeue(
  ids: readonly string[],
  { all, limit, json }: RequeueOptions,
  command: Command,
): Promise<number> {
  if (ids.length > 0 === (all === true)) {
    return command.error("error: give ids from `fluxhook rejected list`, or --all");
  }
  if (ids.length > MAX_PER_CALL || !ids.every((id) => ID.test(id))) {
    return command.error(
      `error: an id has 16 digits of 0-9 a-f, as \`fluxhook rejected list\` shows it; at most ${MAX_PER_CALL}`,
    );
  }
  const body = JSON.stringify({ ...(all ? { all } : { ids }), limit });
  const text = await ApiClient.ofEnvironment().text("POST", "/v1/rejected/requeue", { body });
  const done = JSON.parse(text) as { requeued: number; remaining: number };
  const missing = all ? 0 : Math.min(ids.length, limit ?? ids.length) - done.requeued;
  print(json === true, text, () => {
    const more = done.remaining > 0 ? `, ${done.remaining} remain: run it again` : "";
    const gone =
      missing > 0
        ? `; ${missing} not: no longer stored, stored only in part, or from a list that FLUXHOOK_QUEUE lacks`
        : "";
    return `requeued ${done.requeued}${more}${gone}`;
  });
  return missing > 0 ? 1 : 0;
}
