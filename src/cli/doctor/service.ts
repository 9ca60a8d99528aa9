// Checks with /readyz if a service with the same settings on this machine does its work.
import type { Settings } from "../../config/settings.ts";
import { printable } from "../../wire/printable.ts";
import { askReadiness } from "../health.ts";
import { ok, problem, skipped, type Check, type Finding } from "./check.ts";

export const serviceCheck: Check = {
  name: "service",
  reads: ["HOST", "PORT"],
  look: ({ settings }) => checkService(settings),
};

export async function checkService(settings: Pick<Settings, "HOST" | "PORT">): Promise<Finding> {
  const readiness = await askReadiness(settings);
  if (readiness.ready) return ok("it is ready");
  if (readiness.status === null) {
    return skipped(
      `no service answers at ${settings.HOST}:${settings.PORT}: ${printable(readiness.problem)}`,
    );
  }
  return readiness.status === 503
    ? problem(
        `it is not ready: ${printable(readiness.problem)}`,
        "docs/operations.md has a row for each cause of /readyz; the service's log has the errors",
      )
    : problem(
        `/readyz at ${settings.HOST}:${settings.PORT} answers ${printable(readiness.problem)}`,
        "another program listens there: see FLUXHOOK_HOST and FLUXHOOK_PORT",
      );
}
