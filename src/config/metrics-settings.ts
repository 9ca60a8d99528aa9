// The settings of `GET /metrics`.
import { z } from "zod";
import { choice } from "./forms.ts";
import { secret, setting } from "./setting.ts";

export const METRICS_SETTINGS = {
  METRICS: setting(
    choice(["token", "open", "off"]),
    "token",
    "`GET /metrics` for Prometheus: `token` (with `FLUXHOOK_METRICS_TOKEN` or the API token), `open` (to anybody who reaches the port) or `off`",
  ),
  METRICS_TOKEN: secret(
    z
      .string()
      .min(16, { error: "must be at least 16 characters long" })
      .regex(/^[!-~]+$/, { error: "must be printable ASCII without spaces" })
      .optional(),
    null,
    "a bearer token that reads `GET /metrics` and nothing else: for Prometheus' `credentials_file`",
  ),
} as const;
