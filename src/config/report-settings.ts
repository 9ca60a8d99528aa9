// The settings of what Fluxhook reports: alerts, the application's stream of attempts, the log.
import { z } from "zod";
import { checkSecret } from "../wire/secret.ts";
import { choice, duration, integer, key, quoted } from "./forms.ts";
import { secret, setting } from "./setting.ts";

const DAY_MS = 86_400_000;

export const REPORT_SETTINGS = {
  ALERT_URL: secret(
    z
      .string()
      .refine((text) => /^https?:\/\//.test(text) && URL.canParse(text), {
        error: "is not an http:// or https:// URL",
      })
      .optional(),
    null,
    "alerts are also sent to this URL, signed like any webhook",
  ),
  ALERT_SECRET: secret(
    z
      .string()
      .superRefine((text, context) => {
        const problem = checkSecret(text);
        if (problem) context.addIssue({ code: "custom", message: problem });
      })
      .optional(),
    null,
    "signs the alerts to `FLUXHOOK_ALERT_URL`; required with it",
  ),
  ALERT_AGE: setting(
    duration({ minMs: 1000, maxMs: 30 * DAY_MS }),
    "5m",
    "an alert is raised when the oldest event has waited on its list for this long",
  ),
  ATTEMPTS_STREAM: setting(
    z
      .string()
      .regex(key, {
        error: (issue) =>
          `${quoted(issue.input)} is not a key; accepted are printable ASCII characters except spaces and braces`,
      })
      .optional(),
    null,
    "the key of a Valkey stream that gets each finished attempt, for your application to read",
  ),
  ATTEMPTS_STREAM_MAX: setting(
    integer(1, 10_000_000),
    "100000",
    "attempts kept in that stream, about; beyond that the oldest are dropped",
  ),
  LOG_LEVEL: setting(
    choice(["debug", "info", "warn", "error", "silent"]),
    "info",
    "the lowest level that is logged",
  ),
  LOG_ATTEMPTS: setting(
    choice(["none", "failed", "all"]),
    "none",
    "the attempts that have a line in the process's log at the level `info`",
  ),
} as const;
