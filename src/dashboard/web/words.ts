// Reasons and states in the words of a person who has to mend something.
import type { LogEntry } from "../../wire/log-entry.ts";

// Maps, since others write the reasons: `constructor` is one of an object's own words.

const ATTEMPT = new Map(
  Object.entries({
    timeout: "The server did not answer within the webhook's time-out.",
    "connection-refused": "Nothing accepts connections at this address: is the server running?",
    "connection-reset": "The server closed the connection before it had answered.",
    "connection-failed": "The server could not be reached over the network.",
    "receiver-unreachable": "The proxy could not reach the server.",
    dns: "The host name could not be resolved: check its spelling and its DNS records.",
    tls: "No secure connection could be made: check the server's certificate and TLS settings.",
    "tls-expired": "The server's certificate has expired or is not valid yet.",
    "tls-untrusted": "The server's certificate is from an authority that is not trusted.",
    "tls-wrong-name": "The server's certificate is for another host name.",
    proxy: "The proxy for outgoing requests refused it or failed.",
    "proxy-timeout": "The proxy for outgoing requests did not answer in time.",
    "blocked-address": "The address is not allowed: it is private, or reserved.",
    "bad-response": "What the server answered is not valid HTTP.",
    gone: "The server answered 410 Gone, so the webhook was disabled.",
    "webhook-disabled": "The webhook is disabled. Enable it, then redeliver.",
    "webhook-deleted": "The webhook was deleted.",
    "schedule-used-up": "All attempts of the schedule have failed.",
  }),
);

const STATUS = new Map(
  Object.entries({
    "400": "it does not accept this request",
    "401": "does it verify with the newest secret?",
    "403": "does it verify with the newest secret, and does a firewall stand in front?",
    "404": "there is nothing at this path",
    "405": "it accepts no POST at this path",
    "413": "it accepts no body of this size",
    "429": "it asks for fewer requests",
    "500": "an internal error; see its own log",
    "502": "the server behind its proxy does not answer",
    "503": "it is overloaded or down for maintenance",
    "504": "the server behind its proxy does not answer in time",
  }),
);

export function reasonInWords(reason: string | null): string {
  if (reason === null) return "";
  const [, status] = /^http-(\d{3})$/.exec(reason) ?? [];
  if (status === undefined) return ATTEMPT.get(reason) ?? `It failed: ${reason}.`;
  if (status.startsWith("3")) {
    return `The server answered ${status}, a redirect. Redirects are not followed: enter the final URL.`;
  }
  const hint = STATUS.get(status);
  return hint ? `The server answered ${status}: ${hint}.` : `The server answered ${status}.`;
}

export function outcomeInWords(entry: LogEntry, nowMs: number = Date.now()): string {
  const { outcome, reason } = entry;
  if (outcome === "delivered") return "Delivered";
  if (outcome === "retry") return isDue(entry, nowMs) ? "Failed, retried" : "Failed, will retry";
  if (outcome === "parked") return reason === "webhook-disabled" ? "Not sent" : "Failed, parked";
  return "Unreadable entry";
}

/** What the list says of a parked delivery; the attempt in full adds until when. */
export const PARKED = "It is not retried by itself. It is parked, and can be redelivered.";

/** What happens next, or null where nothing does. */
export function nextInWords(
  entry: LogEntry,
  clock: (time: string) => string,
  nowMs: number = Date.now(),
): string | null {
  if (entry.outcome === "retry" && entry.next_attempt_at !== null) {
    if (isDue(entry, nowMs))
      return `Attempt ${entry.attempt + 1} was due ${clock(entry.next_attempt_at)}.`;
    return `It is tried again ${clock(entry.next_attempt_at)}, as attempt ${entry.attempt + 1}.`;
  }
  if (entry.outcome === "parked") {
    return entry.event === "webhook.test" ? "A test is not tried again." : PARKED;
  }
  return null;
}

function isDue({ next_attempt_at: next }: LogEntry, nowMs: number): boolean {
  return next !== null && Date.parse(next) <= nowMs;
}

export function durationInWords(ms: number): string {
  if (ms < 1) return "< 1 ms";
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

/** `["*"]` must not look like a narrow choice. */
export function eventsInWords(patterns: readonly string[]): string {
  if (patterns.includes("*")) return "every event, also future ones";
  return patterns
    .map((pattern) => (pattern.endsWith(".*") ? `all ${pattern.slice(0, -2)} events` : pattern))
    .join(", ");
}

const DISABLED = new Map(
  Object.entries({
    gone: "its server answered 410 Gone",
    failing: "its deliveries kept failing",
    manual: "switched off by hand",
    "secret-unreadable":
      "its secret cannot be read: FLUXHOOK_SECRET_KEY lacks the key that sealed it",
  }),
);

export function disabledInWords(reason: string | null): string {
  return reason === null ? "switched off by hand" : (DISABLED.get(reason) ?? reason);
}

const REJECTED = new Map(
  Object.entries({
    empty: "Empty",
    "too-large": "Too large",
    "not-utf8": "Not UTF-8",
    "not-json": "Not JSON",
    "not-an-object": "Not a JSON object",
    "duplicate-field": "Duplicate field",
    "invalid-field": "Invalid field",
    "no-owner": "No user_id and no org_id",
    "unknown-event-type": "Unknown event type",
    "crashed-worker": "A worker crashed on it",
    unreadable: "Not written by Fluxhook",
  }),
);

export function rejectionInWords(reason: string): string {
  return REJECTED.get(reason) ?? reason;
}
