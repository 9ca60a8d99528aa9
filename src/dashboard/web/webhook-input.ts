// The form's texts and what the API takes, each made of the other.
import type { DisableRule } from "../../wire/disable-rule.ts";
import type { DialectName } from "../../wire/dialects/registry.ts";
import type { Webhook } from "../../wire/webhook.ts";
import type { FieldErrors } from "./answers.ts";

/** Everything as the form's inputs hold it. An empty text under "More": the dialect's own default. */
export interface WebhookTexts {
  url: string;
  description: string;
  events: readonly string[];
  dialect: DialectName;
  /** An expression; empty for none. */
  filter: string;
  /** `Name: value`, one a line. */
  headers: string;
  timeoutS: string;
  /** `0s, 1m, 5m` */
  schedule: string;
  rule: "default" | "failures" | "time" | "never";
  ruleValue: string;
  secret: string;
}

export const NEW: WebhookTexts = {
  url: "",
  description: "",
  events: ["*"],
  dialect: "fluxdrop",
  filter: "",
  headers: "",
  timeoutS: "",
  schedule: "",
  rule: "default",
  ruleValue: "",
  secret: "",
};

export function textsOf(webhook: Webhook): WebhookTexts {
  const rule = webhook.disable_rule;
  return {
    url: webhook.url,
    description: webhook.description,
    events: webhook.events,
    dialect: webhook.dialect,
    filter: webhook.filter ?? "",
    headers: Object.entries(webhook.headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
    timeoutS: String(webhook.timeout_ms / 1_000),
    schedule: webhook.retry_schedule.join(", "),
    rule: rule === null ? "never" : "failing_for" in rule ? "time" : "failures",
    ruleValue:
      rule === null
        ? ""
        : "failing_for" in rule
          ? rule.failing_for
          : String(rule.consecutive_failures),
    secret: "",
  };
}

export type WebhookFields = Record<string, unknown>;

/** What was typed that has no form at all; all else is judged by the API. */
export type Reading = { fields: WebhookFields } | { errors: FieldErrors };

export function readTexts(texts: WebhookTexts): Reading {
  const headers = readHeaders(texts.headers);
  if (headers === null) {
    const message = "one header a line, as Name: value";
    return { errors: [{ field: "headers", code: "form", message }] };
  }
  const fields: WebhookFields = {
    url: texts.url.trim(),
    description: texts.description,
    events: texts.events,
    dialect: texts.dialect,
    filter: texts.filter.trim() || null,
    headers,
  };
  if (texts.timeoutS.trim() !== "") {
    fields.timeout_ms = Math.round(Number(texts.timeoutS) * 1_000);
  }
  const schedule = texts.schedule.split(",").map((delay) => delay.trim());
  if (texts.schedule.trim() !== "") fields.retry_schedule = schedule;
  const rule = readRule(texts);
  if (rule !== undefined) fields.disable_rule = rule;
  if (texts.secret !== "") fields.secret = texts.secret;
  return { fields };
}

/** Only what differs: somebody else's change of another field stays. */
export function changesOf(fields: WebhookFields, webhook: Webhook): WebhookFields {
  const before = webhook as unknown as WebhookFields;
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name]),
    ),
  );
}

function readHeaders(text: string): Record<string, string> | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const pairs = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
  });
  // `fromEntries` defines, so that a header called __proto__ is one too.
  return lines.every((line) => line.indexOf(":") > 0) ? Object.fromEntries(pairs) : null;
}

function readRule({ rule, ruleValue }: WebhookTexts): DisableRule | null | undefined {
  if (rule === "never") return null;
  if (rule === "failures") return { consecutive_failures: Number(ruleValue) };
  return rule === "time" ? { failing_for: ruleValue.trim() } : undefined;
}
