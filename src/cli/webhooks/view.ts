// Prints webhooks for people, without possible credentials: the url's query and user, and the values of
// custom headers (guarantee 9). --json prints the API's answer.
import { readTarget } from "../../delivery/guard/target.ts";
import type { Webhook } from "../../wire/webhook.ts";
import { colors, details, table, type Cell } from "../terminal/output.ts";

const COLUMNS = [
  { name: "id", isWhole: true },
  { name: "url" },
  { name: "events" },
  { name: "dialect", isWhole: true },
  { name: "state" },
  { name: "owner" },
];

export function webhookTable(webhooks: readonly Webhook[]): string {
  return table(
    COLUMNS,
    webhooks.map((webhook) => [
      webhook.id,
      displayUrl(webhook),
      webhook.events.join(", "),
      webhook.dialect,
      state(webhook),
      owner(webhook),
    ]),
  );
}

export function webhookDetails(webhook: Webhook, secret?: string): string {
  const { health } = webhook;
  return details([
    ["id", webhook.id],
    ["owner", owner(webhook)],
    ["url", displayUrl(webhook)],
    ["events", webhook.events.join(", ")],
    ["dialect", webhook.dialect],
    ["filter", webhook.filter ?? ""],
    ["state", state(webhook)],
    ["description", webhook.description],
    ["headers", Object.keys(webhook.headers).join(", ")],
    ["time-out", `${webhook.timeout_ms} ms`],
    ["retries", webhook.retry_schedule.join(", ")],
    ["disabled by", disableRule(webhook)],
    ["last success", health.last_success_at ?? "–"],
    ["last failure", health.last_failure_at ?? "–"],
    ["created", webhook.created_at],
    ["changed", webhook.updated_at],
    ...(secret === undefined ? [] : ([["secret", secret]] as const)),
  ]);
}

function displayUrl({ url }: Webhook): string {
  return readTarget(url)?.endpoint ?? "";
}

function owner({ user_id, org_id }: Webhook): string {
  return user_id === undefined ? `org ${org_id}` : `user ${user_id}`;
}

function state({ enabled, disabled_reason, health }: Webhook): Cell {
  if (!enabled) return { text: `disabled (${disabled_reason ?? "?"})`, paint: colors.red };
  const failures = health.consecutive_failures;
  return failures === 0
    ? { text: "enabled", paint: colors.green }
    : { text: `enabled, ${failures} failures in a row`, paint: colors.yellow };
}

function disableRule({ disable_rule: rule }: Webhook): string {
  if (rule === null) return "only a 410, or you";
  return "failing_for" in rule
    ? `${rule.failing_for} without a success, and ten failures`
    : `${rule.consecutive_failures} failures in a row`;
}
