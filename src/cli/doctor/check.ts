// The type of a check of `fluxhook doctor`, and how all checks run: in parallel, each with a deadline, and
// independent of the others.
import type { SettingName, Settings } from "../../config/settings.ts";
import { Deadline, EXPIRED } from "../../deadline.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { printable } from "../../wire/printable.ts";
import { redact } from "../../wire/redact.ts";
import type { ValkeyState, ValkeyUp } from "./valkey-state.ts";

export type CheckStatus = "ok" | "warning" | "problem" | "skipped";

export interface Finding {
  status: CheckStatus;
  /** What was found; never a secret, a query or credentials (guarantee 9). */
  found: string;
  /** What to do; null if nothing. */
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
  /** If one of these settings is invalid, its default would be checked instead. So the check is skipped. */
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

/** INFO omits what a server does not know, and an ACL may deny it to this user. */
export const notReported = (): Finding => skipped("Valkey does not report it to this user (INFO)");
export const withoutValkey = (why: string): Finding => skipped(`no Valkey: ${why}`);

/** A check that needs Valkey. */
export function asksValkey(
  look: (valkey: ValkeyUp, context: Context) => Finding | Promise<Finding>,
): Check["look"] {
  return (context) =>
    context.valkey.isUp ? look(context.valkey, context) : withoutValkey(context.valkey.why);
}

const GRAVITY: readonly CheckStatus[] = ["skipped", "ok", "warning", "problem"];

/** Merges findings: the worst status, every text, and all advice. */
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
      ? problem(
          `no answer within ${deadlineMs / 1_000} s`,
          "run it again; the checked system hangs",
        )
      : finding;
  } catch (error) {
    return failed(error);
  } finally {
    deadline.clear();
  }
}

function failed(error: unknown): Finding {
  // The message is from other code and may contain anything (guarantee 9).
  const message = printable(redact(error instanceof Error ? error.message : String(error)));
  if (error instanceof ValkeyUnavailable) {
    return problem(`Valkey went away: ${message}`, "see what Valkey's own log says");
  }
  // The first word of an error reply is its code. Fluxhook itself would get this error too.
  if (message.startsWith("NOPERM ")) {
    return problem(
      "Valkey denies Fluxhook's keys to this user (NOPERM)",
      "give it the keys and commands that docs/operations.md names (ACL SETUSER)",
    );
  }
  return problem(
    `the check itself failed: ${message}`,
    "please report this as a fault of Fluxhook",
  );
}
