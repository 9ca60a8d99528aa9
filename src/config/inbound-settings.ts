// The settings of inbound workflows, as they receive requests.
import { integer } from "./forms.ts";
import { setting } from "./setting.ts";

export const INBOUND_SETTINGS = {
  MAX_WEBHOOK_BYTES: setting(
    integer(1024, 16_777_216),
    "1048576",
    "the maximum size in bytes of a request to `/api/webhooks/<workflow_id>`",
  ),
  WORKFLOWS_MAX: setting(
    integer(1, 100_000),
    "10000",
    "workflows that can be stored; each replica keeps their triggers in memory",
  ),
} as const;
