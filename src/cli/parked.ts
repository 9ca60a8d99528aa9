// `fluxhook parked`: lists and redelivers parked deliveries, which Fluxhook does not retry by itself.
import type { Command } from "commander";
import { printable } from "../wire/printable.ts";
import { isTimestamp, TIMESTAMP_ACCEPTED } from "../wire/timestamp.ts";
import { ApiClient, pathSegment, queryOf } from "./terminal/api-client.ts";
import { colors, print, table } from "./terminal/output.ts";
import {
  addOwnerOptions,
  addPageOptions,
  type Exit,
  morePages,
  ownerFields,
  type OwnerOptions,
  type PageOptions,
  validated,
  wholeNumber,
  withExamples,
} from "./terminal/usage.ts";

interface Filter extends OwnerOptions {
  webhook?: string;
  reason?: string;
  event?: string;
}

interface Parked {
  delivery_id: string;
  webhook_id: string;
  user_id?: string;
  org_id?: string;
  event: string | null;
  reason: string | null;
  attempt: number;
  parked_at: string;
}

const MAX_PER_CALL = 1_000;
const COLUMNS = [
  { name: "delivery", isWhole: true },
  { name: "webhook", isWhole: true },
  { name: "owner" },
  { name: "event" },
  { name: "reason" },
  { name: "attempt", isWhole: true },
  { name: "parked at", isWhole: true },
];

export function addParked(program: Command, exit: Exit): void {
  const parked = program
    .command("parked")
    .description("the deliveries that Fluxhook does not retry by itself");
  withExamples(parked, "fluxhook parked list --user u_1");

  const listing = addFilter(parked.command("list").description("list them, newest first"));
  addPageOptions(listing)
    .option("--json", "print the JSON of the API")
    .action(async (options: Filter & PageOptions & { json?: boolean }) => {
      exit(await list(options));
    });
  withExamples(
    listing,
    "fluxhook parked list",
    "fluxhook parked list --webhook wh_3vJ8kQm2ZpXr6Tn0YbLcW9dA --limit 20",
  );

  const redelivering = addFilter(
    parked
      .command("redeliver")
      .description("redeliver one by its id, or those of an owner or a webhook")
      .argument("[delivery_id]", "a parked or scheduled delivery, or one of an owner's last ten"),
  )
    .option(
      "--limit <n>",
      "redeliver at most this many, oldest first",
      wholeNumber(1, MAX_PER_CALL),
    )
    .option(
      "--before <time>",
      "redeliver only those that were parked before this time",
      validated(isTimestamp, TIMESTAMP_ACCEPTED),
    )
    .option("--dry-run", "change nothing, and say how many would be redelivered")
    .option("--json", "print the JSON of the API")
    .action(async (id: string | undefined, options: RedeliverOptions, command: Command) => {
      exit(await (id === undefined ? many(options) : one(id, options, command)));
    });
  withExamples(
    redelivering,
    "fluxhook parked redeliver --user u_1",
    "fluxhook parked redeliver 5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001",
  );
}

function addFilter(command: Command): Command {
  return addOwnerOptions(command, {
    user: "only of this user's webhooks",
    org: "only of this organisation's webhooks",
  })
    .option("--webhook <id>", "only of this webhook")
    .option("--reason <reason>", "only those with this reason, such as http-500 or timeout")
    .option("--event <type>", "only those of this event type");
}

function filterFields(options: Filter) {
  const { webhook, reason, event } = options;
  return { ...ownerFields(options), webhook_id: webhook, reason, event };
}

async function list(options: Filter & PageOptions & { json?: boolean }): Promise<number> {
  const { limit, cursor, json } = options;
  const query = queryOf({ ...filterFields(options), limit, cursor });
  const text = await ApiClient.ofEnvironment().text("GET", `/v1/parked${query}`);
  print(json === true, text, () => {
    const page = JSON.parse(text) as { parked: Parked[]; next_cursor: string | null };
    if (page.parked.length === 0 && page.next_cursor === null) return "nothing is parked";
    return table(COLUMNS, page.parked.map(row)) + morePages(page);
  });
  return 0;
}

function row(parked: Parked) {
  return [
    parked.delivery_id,
    parked.webhook_id,
    parked.user_id ?? parked.org_id ?? "",
    parked.event ?? "–",
    { text: parked.reason ?? "–", paint: colors.red },
    String(parked.attempt),
    parked.parked_at.slice(0, 19),
  ];
}

interface RedeliverOptions extends Filter {
  limit?: number;
  before?: string;
  dryRun?: boolean;
  json?: boolean;
}

async function one(id: string, options: RedeliverOptions, command: Command): Promise<number> {
  const { json: _json, ...narrowing } = options;
  if (Object.values(narrowing).some((given) => given !== undefined)) {
    return command.error(
      "error: give a delivery's id, or --user, --org, --webhook, --reason, --event, --before, --limit and --dry-run",
    );
  }
  const path = `/v1/deliveries/${pathSegment(id)}/redeliver`;
  const text = await ApiClient.ofEnvironment().text("POST", path);
  print(options.json === true, text, () => {
    const { delivery_id } = JSON.parse(text) as { delivery_id: string };
    return `redelivering as ${printable(delivery_id)}`;
  });
  return 0;
}

async function many(options: RedeliverOptions): Promise<number> {
  const { limit, json, before, dryRun } = options;
  // Without an owner a scoped token implies its own; with the API token the API answers what is missing.
  const body = JSON.stringify({ ...filterFields(options), before, limit, dry_run: dryRun });
  const text = await ApiClient.ofEnvironment().text("POST", "/v1/parked/redeliver", { body });
  print(json === true, text, () => {
    const done = JSON.parse(text) as { redelivered: number; remaining: number };
    if (dryRun) return `${done.remaining} would be redelivered`;
    const more = done.remaining > 0 ? `, ${done.remaining} remain: run it again` : "";
    return `redelivering ${done.redelivered}${more}`;
  });
  return 0;
}
