// Decides the outcome of an attempt: the table of docs/design.md §2.4 as one pure function.
import type { FailureReason } from "./http/failure.ts";
import { readRetryAfter } from "./retry-after.ts";

/** What `judge` needs from the guard's verdict or the receiver's answer. */
export type Answered =
  | { kind: "response"; status: number; retryAfter: string | null }
  | { kind: "failure"; reason: FailureReason; isOurs?: boolean }
  /** `mayPass`: the name may resolve to other addresses at the next attempt. */
  | { kind: "blocked"; mayPass: boolean };

export type Reason = `http-${number}` | "gone" | "blocked-address" | FailureReason;

export type Outcome =
  | { outcome: "delivered"; reason: null; statusCode: number }
  | {
      outcome: "retry";
      reason: Reason;
      statusCode: number | null;
      /** From the end of this attempt. */
      delayMs: number;
      /** How long the whole webhook pauses because the receiver asked for it; null if it did not. */
      pauseMs: number | null;
      countsTowardsDisabling: boolean;
    }
  | {
      outcome: "parked";
      reason: Reason;
      statusCode: number | null;
      pauseMs: number | null;
      countsTowardsDisabling: boolean;
      /** Disable the webhook at once. */
      disable: boolean;
      /** The schedule has no further attempt; `reason` is the last failure. */
      exhausted: boolean;
    };

export interface JudgeContext {
  /** 1 for the first. */
  attempt: number;
  scheduleMs: readonly number[];
  /** When the answer arrived, in Unix milliseconds. */
  nowMs: number;
  /** In [0, 1). */
  random: () => number;
}

export function judge(answer: Answered, context: JudgeContext): Outcome {
  if (answer.kind === "blocked") {
    // A name server that is wrong for a moment must not cost deliveries their retries.
    return answer.mayPass
      ? retryOrPark("blocked-address", NO_ANSWER, context)
      : parked("blocked-address", null);
  }
  return answer.kind === "failure"
    ? retryOrPark(answer.reason, { ...NO_ANSWER, isOurs: answer.isOurs === true }, context)
    : judgeStatus(answer.status, answer.retryAfter, context);
}

function judgeStatus(status: number, retryAfter: string | null, context: JudgeContext): Outcome {
  if (status >= 200 && status < 300) {
    return { outcome: "delivered", reason: null, statusCode: status };
  }
  if (status === 410) return { ...parked("gone", status), disable: true };
  const pauseMs =
    retryAfter !== null && (status === 429 || status === 503)
      ? readRetryAfter(retryAfter, context.nowMs)
      : null;
  // Any other status, such as 500 or 503: tried again as long as the schedule has a delay left.
  return retryOrPark(`http-${status}`, { statusCode: status, pauseMs, isOurs: false }, context);
}

const NO_ANSWER = { statusCode: null, pauseMs: null, isOurs: false };

function retryOrPark(
  reason: Reason,
  {
    statusCode,
    pauseMs,
    isOurs,
  }: { statusCode: number | null; pauseMs: number | null; isOurs: boolean },
  { attempt, scheduleMs, random }: JudgeContext,
): Outcome {
  // A problem on the operator's side says nothing about the receiver.
  const countsTowardsDisabling = pauseMs === null && !isOurs;
  const delayMs = delayBefore(attempt + 1, scheduleMs, random);
  if (delayMs === null) {
    return { ...parked(reason, statusCode), pauseMs, countsTowardsDisabling, exhausted: true };
  }
  return {
    outcome: "retry",
    reason,
    statusCode,
    // Both are lower bounds: a Retry-After of one second must not use up the schedule in five seconds.
    delayMs: Math.max(delayMs, pauseMs ?? 0),
    pauseMs,
    countsTowardsDisabling,
  };
}

function parked(reason: Reason, statusCode: number | null) {
  return {
    outcome: "parked" as const,
    reason,
    statusCode,
    pauseMs: null,
    countsTowardsDisabling: true,
    disable: false,
    exhausted: false,
  };
}

/** Spreads the retries of deliveries that failed together. */
const MAX_JITTER = 0.1;

/**
 * Returns the milliseconds from the end of the previous attempt to attempt `attempt` (1 is the first),
 * or null if the schedule has no such attempt. Never less than the schedule. `random` is in [0, 1).
 */
export function delayBefore(
  attempt: number,
  scheduleMs: readonly number[],
  random: () => number,
): number | null {
  const delayMs = scheduleMs[attempt - 1];
  if (delayMs === undefined) return null;
  // The producer chose the first delay; there are no earlier failures to spread.
  return attempt === 1 ? delayMs : delayMs + Math.floor(delayMs * MAX_JITTER * random());
}
