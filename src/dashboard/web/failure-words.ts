// Why an attempt failed, with the facts that were seen, and what happens next: whole sentences for a person
// who has to mend something.
import type { AttemptInFull } from "../../sdk/api-types.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import { clockTime, fromNow } from "./time.ts";
import { durationInWords, PARKED, reasonInWords } from "./words.ts";

type Shown = Pick<AttemptInFull, "failure" | "response">;

/** The reason as it is known from the log alone, or with the facts of the attempt. */
export function whyInWords(entry: LogEntry, shown: Shown | null, now = new Date()): string {
  const { reason } = entry;
  if (reason === null) return "";
  const facts = shown === null ? null : factsOf(entry, shown, now);
  return facts ?? reasonInWords(reason);
}

/** Null where there is nothing to add to the reason. */
function factsOf(entry: LogEntry, { failure, response }: Shown, now: Date): string | null {
  const host = hostOf(entry.endpoint);
  const certificate = failure?.certificate ?? null;
  switch (entry.reason) {
    case "tls-expired":
      return certificate && validityInWords(certificate, now);
    case "tls-wrong-name":
      if (certificate === null || certificate.names.length === 0) return null;
      return `The server's certificate is for ${certificate.names.join(", ")}, and not for ${host}.`;
    case "tls-untrusted":
      if (certificate === null) return null;
      return certificate.is_self_signed
        ? "The server's certificate is self-signed: no authority has signed it."
        : `The server's certificate was issued by ${certificate.issuer || "somebody without a name"}, which is not trusted. Is an intermediate certificate missing?`;
    case "timeout":
      return failure && timeoutInWords(failure);
    case "dns":
      return failure?.code
        ? `The host name ${host} could not be resolved (${failure.code}): check its spelling and its DNS records.`
        : null;
    default:
      return statusInWords(entry, response);
  }
}

function validityInWords(
  { valid_from, valid_to }: NonNullable<NonNullable<Shown["failure"]>["certificate"]>,
  now: Date,
): string | null {
  if (valid_to !== null && new Date(valid_to) < now) {
    return `The server's certificate has expired on ${dayOf(valid_to)}.`;
  }
  if (valid_from !== null && new Date(valid_from) > now) {
    return `The server's certificate is not valid before ${dayOf(valid_from)}.`;
  }
  // It was renewed before anybody looked.
  return null;
}

const PHASES = {
  resolve: "while its host name was resolved",
  connect: "while the connection was opened",
  tls: "during the TLS handshake",
  response: "after the request was sent",
};

function timeoutInWords({ phase, timeout_ms }: NonNullable<Shown["failure"]>): string | null {
  if (timeout_ms === null) return null;
  const where = phase === null ? "" : `; the time was over ${PHASES[phase]}`;
  return `The server did not answer within ${timeout_ms / 1_000} s${where}.`;
}

function statusInWords(
  { reason, redirect_host }: LogEntry,
  response: Shown["response"],
): string | null {
  if (reason === null || response === null) return null;
  const words = reasonInWords(reason);
  const after = response.headers.find(({ name }) => name.toLowerCase() === "retry-after")?.value;
  if (after !== undefined && /^http-(?:429|503)$/.test(reason)) {
    return `${words} It asks to wait: Retry-After is ${after}${/^\d+$/.test(after) ? " s" : ""}.`;
  }
  if (redirect_host !== undefined) return `${words} This one leads to ${redirect_host}.`;
  return null;
}

/** What the delivery does next, and what can be done with it. */
export function nextStepInWords(shown: AttemptInFull): string {
  const { state, next_attempt_at, remaining_attempts, parked_until } = shown;
  switch (state) {
    case "scheduled": {
      const when = next_attempt_at === null ? "" : ` ${timeInWords(next_attempt_at)}`;
      const more = (remaining_attempts ?? 1) - 1;
      if (more <= 0) return `It is tried again${when}, for the last time. Then it is parked.`;
      return `It is tried again${when}, then ${more === 1 ? "once" : `${more} times`} more. Then it is parked.`;
    }
    case "in-flight":
      return "Its next attempt is under way, or about to begin.";
    case "parked":
      return parked_until === null
        ? PARKED
        : `${PARKED.slice(0, -1)} until ${clockTime(parked_until)}.`;
    case "ended":
      return endInWords(shown);
    case "unknown":
      return "What came after this attempt is no longer kept.";
  }
}

function endInWords({ attempts, redeliver }: AttemptInFull): string {
  const last = attempts.at(-1);
  if (redeliver.why_not === "test") return "A test is sent once.";
  if (last?.outcome === "delivered") {
    return last.attempt === 1
      ? "It is delivered."
      : `It was delivered with attempt ${last.attempt}, ${fromNow(last.timestamp)}.`;
  }
  return "It is no longer parked: it was redelivered, or is past the time for which it was kept.";
}

const WHY_NOT = new Map(
  Object.entries({
    "in-flight": "It cannot be redelivered now, because its next attempt is under way.",
    "webhook-disabled": "It can be redelivered when its webhook is enabled.",
    "webhook-deleted": "It cannot be redelivered, because its webhook was deleted.",
    "body-not-kept":
      "It cannot be redelivered: its event is larger than 16 KiB, and no longer kept.",
    "not-kept": "It cannot be redelivered, because it is no longer kept.",
  }),
);

/** Null where it can be, and for a test. */
export function whyNotRedeliver({ redeliver }: AttemptInFull): string | null {
  return redeliver.why_not === null ? null : (WHY_NOT.get(redeliver.why_not) ?? null);
}

export interface TimingPart {
  /** Of the five; its colour. */
  at: number;
  name: string;
  ms: number;
}

/** The parts that an attempt has, in their order. */
export function timingParts(timing: NonNullable<AttemptInFull["timing"]>): TimingPart[] {
  const { slot_ms, resolve_ms, connect_ms, tls_ms, response_ms } = timing;
  const parts: [string, number | null][] = [
    ["Waiting for a slot", slot_ms],
    ["Resolving the name", resolve_ms],
    ["Connecting", connect_ms],
    ["TLS", tls_ms],
    ["Waiting for the answer", response_ms],
  ];
  return parts.flatMap(([name, ms], at) => (ms === null ? [] : [{ at, name, ms }]));
}

export function timingInWords(timing: NonNullable<AttemptInFull["timing"]>): string {
  const parts = timingParts(timing).map(({ name, ms }) => `${name}: ${durationInWords(ms)}`);
  if (timing.connect_ms === null && timing.response_ms !== null) {
    parts.push("on a connection that was open");
  }
  return parts.join(", ");
}

function timeInWords(time: string): string {
  return `${fromNow(time)}, at ${clockTime(time)}`;
}

function dayOf(time: string): string {
  return new Date(time).toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" });
}

function hostOf(endpoint: string): string {
  return URL.canParse(endpoint) ? new URL(endpoint).hostname : "its host";
}
