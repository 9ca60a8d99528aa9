// Checks that the names which deliveries need can be resolved: of webhooks, alerts, Valkey and the proxy.
// It resolves no other name, because in a closed network no public name has to resolve.
import type { Settings } from "../../config/settings.ts";
import { Deadline, EXPIRED } from "../../deadline.ts";
import type { Resolve } from "../../delivery/guard/resolve.ts";
import { readTarget } from "../../delivery/guard/target.ts";
import { ok, problem, skipped, warning, type Finding } from "./check.ts";
import type { StoredWebhook } from "./registered.ts";

export interface NameAsked {
  name: string;
  /** The setting with the name; null for a webhook's. */
  setting: string | null;
}

export interface NameAnswer extends NameAsked {
  ms: number;
  /** Null if it resolved. */
  failure: string | null;
}

const MAX_NAMES = 50;
const ANSWER_WITHIN_MS = 3_000;
const SLOW_MS = 2_000;
const MAX_SHOWN = 3;

/** Skips addresses, and resolves a name that several webhooks share only once. */
export function namesToAsk(
  webhooks: readonly StoredWebhook[],
  settings: Partial<Pick<Settings, "VALKEY_URL" | "ALERT_URL" | "EGRESS_PROXY">>,
): NameAsked[] {
  const names = new Map<string, NameAsked>();
  for (const setting of ["VALKEY_URL", "ALERT_URL", "EGRESS_PROXY"] as const) {
    const target = readTarget(settings[setting] ?? "");
    if (target === null || target.hostname === "" || target.literal !== null) continue;
    names.set(target.hostname, { name: target.hostname, setting: `FLUXHOOK_${setting}` });
  }
  for (const { url, enabled } of webhooks) {
    if (names.size >= MAX_NAMES) break;
    const target = readTarget(url);
    if (!enabled || target === null || target.literal !== null || names.has(target.hostname)) {
      continue;
    }
    names.set(target.hostname, { name: target.hostname, setting: null });
  }
  return [...names.values()];
}

export async function askNames(
  names: readonly NameAsked[],
  resolverOf: (asked: NameAsked) => Resolve,
): Promise<NameAnswer[]> {
  return Promise.all(
    names.map(async (asked) => {
      const started = performance.now();
      const deadline = new Deadline(ANSWER_WITHIN_MS);
      const resolution = await resolverOf(asked)(asked.name, deadline);
      deadline.clear();
      const failure =
        resolution === EXPIRED
          ? "timeout"
          : resolution.kind === "resolved"
            ? null
            : resolution.code;
      return { ...asked, ms: Math.round(performance.now() - started), failure };
    }),
  );
}

export function checkNames(answers: readonly NameAnswer[]): Finding {
  if (answers.length === 0) return skipped("nothing is registered or set that has a name");
  const failed = answers.filter(({ failure }) => failure !== null);
  const slowest = Math.max(...answers.map(({ ms }) => ms));
  const found = `${answers.length - failed.length} of ${answers.length} names resolve, the slowest took ${slowest} ms`;
  if (failed.length === 0) {
    return slowest > SLOW_MS
      ? warning(found, "a look-up counts to the time-out of its attempt: see to the name servers")
      : ok(found);
  }
  const shown = failed
    .toSorted((a, b) => Number(b.setting !== null) - Number(a.setting !== null))
    .slice(0, MAX_SHOWN)
    .map(({ name, setting, failure }) => `${setting ? `${setting} ` : ""}${name} (${failure})`);
  const detail = `${found}\nnot: ${shown.join(", ")}${failed.length > MAX_SHOWN ? ", …" : ""}`;
  if (failed.some(({ setting }) => setting !== null)) {
    return problem(detail, "correct the name in the setting, or the name server");
  }
  // One unresolved name is its owner's problem. If none of several resolves, it is the resolver's.
  return failed.length === answers.length && failed.length > 1
    ? problem(detail, "see to the system's name servers, or set FLUXHOOK_DNS_SERVERS")
    : warning(detail, "tell the webhooks' owners: their deliveries are retried, then parked");
}
