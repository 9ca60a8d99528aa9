// Options of `webhooks create` and `update`, and their conversion to the API's fields.
import { InvalidArgumentError, Option, type Command } from "commander";
import { DIALECT_NAMES } from "../../wire/dialects/registry.ts";
import { excerpt } from "../../wire/excerpt.ts";
import { parseDuration } from "../../wire/duration.ts";
import type { WebhookPatch } from "../../wire/webhook.ts";
import { collect, commaSeparated, headersOf, wholeNumber } from "../terminal/usage.ts";

export interface WebhookOptions {
  events?: string[];
  dialect?: WebhookPatch["dialect"];
  /** False: `--no-filter`. */
  filter?: string | false;
  description?: string;
  header?: string[];
  timeout?: number;
  retrySchedule?: string[];
  disableAfter?: number;
  disableFailingFor?: string;
  neverDisable?: boolean;
}

export function addWebhookOptions(command: Command): Command {
  return command
    .option(
      "--events <patterns>",
      "its event types, comma-separated: file.*,org.updated",
      commaSeparated,
    )
    .addOption(new Option("--dialect <name>", "its wire format").choices(DIALECT_NAMES))
    .option(
      "--filter <expression>",
      "send only events for which it is true: 'event.data.amount > 1000'",
    )
    .option("--no-filter", "send every event that --events names")
    .option("--description <text>", "a note for people")
    .option("--header <line>", "'Name: value', sent with every request; repeatable", collect)
    .option("--timeout <duration>", "time-out of a whole attempt, such as 10s", durationMs)
    .option(
      "--retry-schedule <delays>",
      "delay before each attempt, comma-separated: 0s,1m,5m",
      commaSeparated,
    )
    .option(
      "--disable-after <n>",
      "disable it after this many failures in a row",
      wholeNumber(1, 10_000),
    )
    .option(
      "--disable-failing-for <duration>",
      "disable it after this time without a success, such as 5d",
    )
    .option("--never-disable", "never disable it automatically");
}

/** Returns only the given fields. */
export function webhookFields(options: WebhookOptions, command: Command): Partial<WebhookPatch> {
  const { events, dialect, filter, description, header, timeout, retrySchedule } = options;
  const fields = {
    events,
    dialect,
    filter: filter === false ? null : filter,
    description,
    headers: header && customHeaders(header, command),
    timeout_ms: timeout,
    retry_schedule: retrySchedule,
    disable_rule: disableRule(options, command),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function customHeaders(lines: readonly string[], command: Command): Record<string, string> {
  const headers = headersOf(lines, command);
  const names = headers.map(([name]) => name);
  // An object keeps only the last of two headers with one name, so the other would be lost silently.
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) {
    return command.error(`error: --header: ${excerpt(twice)} is given more than once`);
  }
  return Object.fromEntries(headers);
}

function disableRule(
  { disableAfter, disableFailingFor, neverDisable }: WebhookOptions,
  command: Command,
): WebhookPatch["disable_rule"] {
  const given = [disableAfter, disableFailingFor, neverDisable].filter((one) => one !== undefined);
  if (given.length > 1) {
    return command.error(
      "error: give one of --disable-after, --disable-failing-for and --never-disable",
    );
  }
  if (disableAfter !== undefined) return { consecutive_failures: disableAfter };
  if (disableFailingFor !== undefined) return { failing_for: disableFailingFor };
  return neverDisable ? null : undefined;
}

function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new InvalidArgumentError("It must be a duration such as 250ms, 10s or 1m.");
}
