// What a check of `fluxhook doctor` is, and how all of them run: side by side, each to a deadline, and
// each whatever became of the others.
import type { SettingName, Settings } from "../../config/settings.ts";
import { Deadline, EXPIRED } from "../../deadline.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { printable } from "../../wire/printable.ts";
import { redact } from "../../wire/redact.ts";
import type { ValkeyState, ValkeyUp } from "./valkey-state.ts";

export type CheckStatus = "ok" | "warning" | "problem" | "skipped";

export interface Finding {
  status: CheckStatus;
  /** What there is; never a secret, a query or credentials (guarantee 9). */
  found: string;
  /** What to do; null where there is nothing to do. */
  advice: string | null;
}

export interface CheckResult extends Finding {
  check: string;
}

export interface Context {
  settings: Settings;
  valkey: ValkeyState;
}

export interface Check {
  name: string;
  /** Where one of these is wrong its default would be judged in its place, so the check is skipped. */
  reads: readonly SettingName[];
  look(context: Context): Finding | Promise<Finding>;
}

export const ok = (found: string): Finding => ({ status: "ok", found, advice: null });
export const warning = (found: string, advice: string): Finding => ({
  status: "warning",
  found,
  advice,
});
export const problem = (found: string, advice: string): Finding => ({
  status: "problem",
  found,
  advice,
});
export const skipped = (why: string): Finding => ({ status: "skipped", found: why, advice: null });

/** INFO leaves out what a server does not know, and users may be kept from all of it. */
export const notReported = (): Finding => skipped("this user is not told by Valkey (INFO)");
export const withoutValkey = (why: string): Finding => skipped(`no Valkey: ${why}`);

/** A check that has to ask Valkey. */
export function asksValkey(
  look: (valkey: ValkeyUp, context: Context) => Finding | Promise<Finding>,
): Check["look"] {
  return (context) =>
    context.valkey.isUp ? look(context.valkey, context) : withoutValkey(context.valkey.why);
}

const GRAVITY: readonly CheckStatus[] = ["skipped", "ok", "warning", "problem"];

/** One finding out of several: the gravest status, what each found, and all advice. */
export function together(findings: readonly Finding[]): Finding {
  const gravest = Math.max(0, ...findings.map(({ status }) => GRAVITY.indexOf(status)));
  const advice = new Set(findings.map((one) => one.advice).filter((one) => one !== null));
  return {
    status: GRAVITY[gravest] ?? "skipped",
    found: findings.map(({ found }) => found).join("\n"),
    advice: advice.size === 0 ? null : [...advice].join("\n"),
  };
}

export async function runChecks(
  checks: readonly Check[],
  context: Context,
  wrong: ReadonlySet<SettingName>,
  deadlineMs: number,
): Promise<CheckResult[]> {
  return Promise.all(
    checks.map(async (check) => {
      const unread = check.reads.find((name) => wrong.has(name));
      const finding =
        unread === undefined
          ? await runOne(check, context, deadlineMs)
          : skipped(`FLUXHOOK_${unread} is wrong`);
      return { check: check.name, ...finding };
    }),
  );
}

async function runOne(check: Check, context: Context, deadlineMs: number): Promise<Finding> {
  const deadline = new Deadline(deadlineMs);
  try {
    const finding = await deadline.race(Promise.try(() => check.look(context)));
    return finding === EXPIRED
      ? problem(`no answer within ${deadlineMs / 1_000} s`, "run it again; what it asks hangs")
      : finding;
  } catch (error) {
    return failed(error);
  } finally {
    deadline.clear();
  }
}

function failed(error: unknown): Finding {
  // Made elsewhere, of whatever was at hand (guarantee 9).
  const message = printable(redact(error instanceof Error ? error.message : String(error)));
  if (error instanceof ValkeyUnavailable) {
    return problem(`Valkey went away: ${message}`, "see what Valkey's own log says");
  }
  // The first word of an error reply is its code. Fluxhook itself would meet this one too.
  if (message.startsWith("NOPERM ")) {
    return problem(
      "Valkey keeps this user from Fluxhook's keys (NOPERM)",
      "give it the keys and commands that docs/operations.md names (ACL SETUSER)",
    );
  }
  return problem(
    `the check itself failed: ${message}`,
    "please report this as a fault of Fluxhook",
  );
}
