// One attempt of one delivery, from the stored event to its outcome. No Valkey in it: whoever calls
// settles the outcome first and frees the webhook's slot when `drained` resolves.
import type { Dialect } from "../wire/dialects/dialect.ts";
import { faultPoint } from "../fault-point.ts";
import { signRequest, type Signer } from "../wire/signature.ts";
import { bunHmac } from "./bun-hmac.ts";
import { Deadline } from "../deadline.ts";
import { DRAINED, type Answer, type Drained } from "./http/answer.ts";
import type { Failure } from "./http/failure.ts";
import type { Guard, Verdict } from "./guard/guard.ts";
import { mergeHeaders } from "./http/headers.ts";
import { judge, type Outcome } from "./judge.ts";
import type { Send } from "./http/send.ts";
import { redirectHost } from "./guard/redirect-host.ts";
import { readTarget, type Target } from "./guard/target.ts";

export interface Delivery {
  /** UUID of this attempt. */
  deliveryId: string;
  /** 1 for the first. */
  attempt: number;
  event: {
    id: string;
    type: string;
    /** RFC 3339. */
    timestamp: string;
    /** The exact text that the producer wrote. */
    data: string;
    traceparent?: string | null;
  };
  target: {
    url: string;
    dialect: Dialect;
    /** Newest first. */
    secrets: readonly Signer[];
    /** The user's own headers. */
    headers: Readonly<Record<string, string>>;
    timeoutMs: number;
    scheduleMs: readonly number[];
  };
}

export interface DeliverDeps {
  guard: Guard;
  send: Send;
  /** Unix milliseconds. */
  now: () => number;
  /** In [0, 1). */
  random: () => number;
}

export interface Attempt {
  outcome: Outcome;
  /** Unix milliseconds. */
  startedAtMs: number;
  /** From the start to the response headers, or to what came in their place. */
  durationMs: number;
  /** The URL without query, fragment and credentials. */
  endpoint: string;
  /** More about the reason, for the operator's log only: it may name an internal address. */
  detail: string | null;
  /** Where a redirect leads to; null for any other answer, and for a host that is not to be shown. */
  redirectHost: string | null;
  /** Resolves when the connection's slot is free; never rejects. */
  drained: Drained;
}

type Blocked = { kind: "blocked"; detail: string; mayPass: boolean };

const encoder = new TextEncoder();

/**
 * Asked when the request is signed: false, and it is not sent. Signing comes first, for what waits
 * for its turn is signed together with others, which costs a fraction of one at a time (measured).
 */
export type WaitForSlot = () => boolean | Promise<boolean>;

/**
 * What the remote side does is in the outcome; it throws only where Fluxhook is at fault. Null: it
 * was not hasSlot.
 */
export async function deliver(delivery: Delivery, deps: DeliverDeps): Promise<Attempt>;
export async function deliver(
  delivery: Delivery,
  deps: DeliverDeps,
  waitForSlot: WaitForSlot,
): Promise<Attempt | null>;
export async function deliver(
  delivery: Delivery,
  deps: DeliverDeps,
  waitForSlot?: WaitForSlot,
): Promise<Attempt | null> {
  const { attempt, event, target } = delivery;
  const body = target.dialect.envelope(event);
  const bodyBytes = encoder.encode(body);
  const signed = await signRequest({
    dialect: target.dialect,
    secrets: target.secrets,
    eventId: event.id,
    eventType: event.type,
    deliveryId: delivery.deliveryId,
    unixSeconds: Math.floor(deps.now() / 1_000),
    body,
    bodyBytes,
    standardHmac: bunHmac,
  });
  if (event.traceparent) signed.traceparent = event.traceparent;
  faultPoint("signed");
  if (waitForSlot !== undefined) {
    const hasSlot = waitForSlot();
    if (!(typeof hasSlot === "boolean" ? hasSlot : await hasSlot)) return null;
  }
  const startedAtMs = deps.now();
  const startedAt = performance.now();
  const deadline = new Deadline(target.timeoutMs);
  const destination = readTarget(target.url);
  let answer: Answer | Blocked | undefined;
  try {
    const checking = deps.guard.check(destination, deadline);
    const verdict = checking instanceof Promise ? await checking : checking;
    answer =
      verdict.verdict === "allowed"
        ? await deps.send({
            target: verdict.target,
            addresses: verdict.addresses,
            headers: mergeHeaders(target.headers, verdict.target.authorization, signed),
            body: bodyBytes,
            deadline,
          })
        : refusalAsAnswer(verdict);
    faultPoint("answered");
  } finally {
    if (answer?.kind !== "response") deadline.clear();
  }
  return {
    outcome: judge(answer, {
      attempt,
      scheduleMs: target.scheduleMs,
      nowMs: deps.now(),
      random: deps.random,
    }),
    startedAtMs,
    durationMs: performance.now() - startedAt,
    endpoint: destination?.endpoint ?? "",
    detail: detailOf(answer),
    redirectHost: destination === null ? null : redirectHostOf(answer, destination),
    drained: answer.kind === "response" ? answer.drained : DRAINED,
  };
}

/** What the guard's refusal means for the attempt. */
function refusalAsAnswer(verdict: Exclude<Verdict, { verdict: "allowed" }>): Failure | Blocked {
  if (verdict.verdict === "blocked") {
    return { kind: "blocked", detail: verdict.detail, mayPass: verdict.mayPass };
  }
  return { kind: "failure", reason: verdict.reason, code: verdict.detail };
}

function detailOf(answer: Answer | Blocked): string | null {
  if (answer.kind === "response") return null;
  return answer.kind === "failure" ? answer.code : answer.detail;
}

function redirectHostOf(answer: Answer | Blocked, target: Target): string | null {
  if (answer.kind !== "response" || answer.location === null) return null;
  const isRedirect = answer.status >= 300 && answer.status < 400;
  return isRedirect ? redirectHost(answer.location, target) : null;
}
