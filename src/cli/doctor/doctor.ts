// `fluxhook doctor`: checks what Fluxhook depends on, and prints what to do. It reads the same settings as
// `serve`, changes nothing, and prints no secret (guarantee 9).
import { readTarget, type Target } from "../../delivery/guard/target.ts";
import { backlogChecks } from "./backlog.ts";
import { runChecks, skipped, type CheckResult } from "./check.ts";
import { clockCheck } from "./clock.ts";
import { credentialChecks } from "./credentials.ts";
import { openEgress } from "./egress.ts";
import { checkUrl } from "./one-url.ts";
import { limitChecks } from "./process-limits.ts";
import { EGRESS_SETTINGS, receiverChecks } from "./receivers.ts";
import { jsonReport, textReport, worst } from "./report.ts";
import { serviceCheck } from "./service.ts";
import { checkSettings, type ReadSettings } from "./settings-check.ts";
import { durabilityChecks } from "./valkey-durability.ts";
import { serverChecks } from "./valkey-server.ts";
import { connectValkey } from "./valkey-state.ts";

const CHECK_WITHIN_MS = 8_000;
/** Width if the output is not a terminal. */
const DEFAULT_COLUMNS = 120;

export interface DoctorOptions {
  json: boolean;
  /** Check only this receiver. */
  url?: string;
}

/** Returns the exit code: 0 (also for warnings), 1 for a problem, 2 if `url` is not a URL. */
export async function doctor({ json, url }: DoctorOptions): Promise<number> {
  const read = checkSettings(process.env);
  const target = url === undefined ? undefined : readTarget(url);
  if (target === null || (target && !/^https?:$/.test(target.protocol))) {
    // The message does not repeat it: it may contain credentials.
    process.stderr.write("fluxhook: --url takes an http:// or https:// URL\n");
    return 2;
  }
  const results = target ? await examineUrl(target, read) : await examine(read);
  const columns = process.stdout.columns ?? DEFAULT_COLUMNS;
  console.log(json ? jsonReport(results) : textReport(results, columns));
  return worst(results) === "problem" ? 1 : 0;
}

async function examineUrl(
  target: Target,
  { settings, wrong, result }: ReadSettings,
): Promise<CheckResult[]> {
  const unread = [...EGRESS_SETTINGS, "EGRESS_PROXY" as const, "EGRESS_CA" as const].find((name) =>
    wrong.has(name),
  );
  return unread === undefined
    ? [result, ...(await checkUrl(target, openEgress(settings), settings))]
    : [result, { check: "guard", ...skipped(`FLUXHOOK_${unread} is wrong`) }];
}

/** All checks, in the order of the output. */
export async function examine({ settings, wrong, result }: ReadSettings): Promise<CheckResult[]> {
  const valkey = wrong.has("VALKEY_URL")
    ? { isUp: false as const, why: "FLUXHOOK_VALKEY_URL is wrong", close: () => {} }
    : await connectValkey(settings.VALKEY_URL);
  try {
    const checks = [
      ...serverChecks,
      ...durabilityChecks,
      clockCheck,
      serviceCheck,
      ...backlogChecks,
      ...receiverChecks(settings),
      ...credentialChecks,
      ...limitChecks,
    ];
    const context = { settings, valkey };
    return [result, ...(await runChecks(checks, context, wrong, CHECK_WITHIN_MS))];
  } finally {
    valkey.close();
  }
}
