// Makes one attempt of one delivery, from the stored event to its outcome. Knows no Valkey: the caller
// settles the outcome first, and frees the webhook's slot when `drained` resolves.
import type { Dialect } from "../wire/dialects/dialect.ts";
import { faultPoint } from "../fault-point.ts";
import { signRequestWith, type Hmac, type Signer } from "../wire/signature.ts";
import { Deadline } from "../deadline.ts";
import { DRAINED, type Answer, type Drained } from "./http/answer.ts";
import type { Failure } from "./http/failure.ts";
import type { Guard, Verdict } from "./guard/guard.ts";
import { mergeHeaders } from "./http/request.ts";
import { judge, type Outcome } from "./judge.ts";
import type { Send } from "./http/send.ts";
import { redirectHost } from "./guard/redirect-host.ts";
import { readTarget, type Target } from "./guard/target.ts";
import { Transcript } from "./http/transcript.ts";

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
    /** The text exactly as the producer wrote it. */
    data: string;
    traceparent?: string | null;
  };
  target: {
    url: string;
    dialect: Dialect;
    /** Newest first. */
    secrets: readonly Signer[];
    /** The webhook's custom headers. */
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
  /** Bytes of a response's body that a transcript keeps; missing or 0: no attempt gets a transcript. */
  detailBytes?: number;
}

export interface Attempt {
  outcome: Outcome;
  /** Unix milliseconds. */
  startedAtMs: number;
  /** From the start to the response headers or the failure. */
  durationMs: number;
  /** The URL without query, fragment and credentials. */
  endpoint: string;
  /** Details for the operator's log only: they may name an internal address. */
  detail: string | null;
  /** The host that a redirect points to; null for other answers and for hosts that may be internal. */
  redirectHost: string | null;
  /** Resolves when the connection is free or closed; never rejects. */
  drained: Drained;
  /** What was sent and answered; null if nobody will ask (`detailBytes`). */
  transcript: Transcript | null;
}

type Blocked = { kind: "blocked"; detail: string; mayPass: boolean };

const encoder = new TextEncoder();

/** Makes the signatures of a request in this thread (docs/decisions/7-second-signature.md). */
export const bunHmac: Hmac = (key, prefix, content) =>
  new Bun.CryptoHasher("sha256", key).update(prefix).update(content).digest();

/**
 * Makes the attempt. Whatever the receiver does is in the outcome; this throws only for a fault of
 * Fluxhook.
 */
export async function deliver(delivery: Delivery, deps: DeliverDeps): Promise<Attempt> {
  const { attempt, event, target } = delivery;
  const body = target.dialect.envelope(event);
  const bodyBytes = encoder.encode(body);
  const signed = signRequestWith(bunHmac, {
    dialect: target.dialect,
    secrets: target.secrets,
    eventId: event.id,
    eventType: event.type,
    deliveryId: delivery.deliveryId,
    unixSeconds: Math.floor(deps.now() / 1_000),
    body,
    bodyBytes,
  });
  if (event.traceparent) signed.traceparent = event.traceparent;
  faultPoint("signed");
  const { detailBytes = 0 } = deps;
  const transcript = detailBytes > 0 ? new Transcript(detailBytes) : null;
  const startedAtMs = deps.now();
  const startedAt = performance.now();
  const deadline = new Deadline(target.timeoutMs);
  const destination = readTarget(target.url);
  let answer: Answer | Blocked | undefined;
  try {
    const checking = deps.guard.check(destination, deadline);
    const verdict = checking instanceof Promise ? await resolved(checking, transcript) : checking;
    answer =
      verdict.verdict === "allowed"
        ? await deps.send({
            target: verdict.target,
            addresses: verdict.addresses,
            headers: mergeHeaders(target.headers, verdict.target.authorization, signed),
            body: bodyBytes,
            deadline,
            transcript,
          })
        : refusalAsAnswer(verdict);
    faultPoint("answered");
  } finally {
    if (answer?.kind !== "response") deadline.clear();
  }
  if (transcript !== null && answer.kind === "response" && answer.drained !== DRAINED) {
    transcript.whenComplete = answer.drained;
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
    transcript,
  };
}

/** Waits for the name's look-up, and writes down for how long. */
async function resolved<T>(checking: Promise<T>, transcript: Transcript | null): Promise<T> {
  if (transcript === null) return checking;
  const beganMs = performance.now();
  const verdict = await checking;
  transcript.resolveMs = performance.now() - beganMs;
  return verdict;
}

/** Turns the guard's refusal into the attempt's answer. */
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
