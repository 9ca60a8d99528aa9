// What an attempt came to: the table of DESIGN §2.4 as one pure function.
import { delayBefore } from "./backoff.ts";
import type { FailureReason } from "./http/failure.ts";
import { readRetryAfter } from "./retry-after.ts";

/** What judge needs to know of the guard's and the receiver's answer. */
export type Answered =
  | { kind: "response"; status: number; retryAfter: string | null }
  | { kind: "failure"; reason: FailureReason; isOurs?: boolean }
  /** `mayPass`: the name may have another address at the next attempt. */
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
      /** How long the whole webhook pauses, where the receiver asked for it. */
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
      /** The schedule is used up; `reason` is the last failure. */
      exhausted: boolean;
    };

export interface JudgeContext {
  /** 1 for the first. */
  attempt: number;
  scheduleMs: readonly number[];
  /** When the answer came, in Unix milliseconds. */
  nowMs: number;
  /** In [0, 1). */
  random: () => number;
}

export function judge(answer: Answered, context: JudgeContext): Outcome {
  if (answer.kind === "blocked") {
    // A name server that errs for a moment must not cost the deliveries their retries.
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
  // What the operator has to fix says nothing about the receiver.
  const countsTowardsDisabling = pauseMs === null && !isOurs;
  const delayMs = delayBefore(attempt + 1, scheduleMs, random);
  if (delayMs === null) {
    return { ...parked(reason, statusCode), pauseMs, countsTowardsDisabling, exhausted: true };
  }
  return {
    outcome: "retry",
    reason,
    statusCode,
    // Both are lower bounds: a receiver that asks for a second must not use up the schedule in five.
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
