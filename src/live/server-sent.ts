// Server-sent events as text (WHATWG HTML, "Server-sent events"), and what each viewer wants of them.
import { matchesPattern } from "../wire/event-pattern.ts";
import {
  hasOutcome,
  type LiveAttempt,
  type StreamEvent,
  type StreamOutcome,
} from "../wire/live.ts";

export interface LiveFilter {
  webhookId?: string;
  outcome?: StreamOutcome;
  /** A pattern: `file.created`, `file.*`, `*`. */
  event?: string;
  /** Of executions. */
  workflowId?: string;
}

export function matchesFilter(
  attempt: LiveAttempt,
  { webhookId, outcome, event }: LiveFilter,
): boolean {
  return (
    (webhookId === undefined || attempt.webhook_id === webhookId) &&
    (outcome === undefined || hasOutcome(attempt, outcome)) &&
    (event === undefined || matchesPattern(event, attempt.event))
  );
}

/** Another program may have written the log: an id with a line break would begin another field. */
const SAFE_ID = /^[\x21-\x7e]{1,64}$/;

/** `data` becomes JSON, which has no line break. */
export function eventText(event: StreamEvent, data: unknown, id = ""): string {
  const idLine = SAFE_ID.test(id) ? `id: ${id}\n` : "";
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The client comes back after this, unless it decides otherwise. */
const RECONNECT_MS = 1_000;
export const OPENING = `retry: ${RECONNECT_MS}\n\n`;

/** Keeps proxies from closing a silent connection. */
export const COMMENT = ":\n\n";

/** Each attempt's id is what a client sends as `Last-Event-ID` to go on from there, on any replica. */
export function attemptsText(attempts: readonly LiveAttempt[]): string {
  return attempts.map((one) => eventText("attempt", one, one.delivery_id)).join("");
}
