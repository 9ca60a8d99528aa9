// The definition of a dialect. Each dialect has a file in this folder, with only what differs.
import type { DisableRule } from "../disable-rule.ts";

/** The input of an envelope. `data` is the exact text that the producer wrote. */
export interface EnvelopeInput {
  id: string;
  type: string;
  /** RFC 3339, as given by the producer or set at the claim. */
  timestamp: string;
  data: string;
}

/** The input of the headers of one attempt. */
export interface HeaderInput {
  eventId: string;
  eventType: string;
  /** A UUID, new for every attempt. */
  deliveryId: string;
  /** When this attempt began, in Unix seconds. */
  unixSeconds: number;
}

/** The dialect's own signature header: hex HMAC-SHA256, keyed with the secret as the user sees it. */
export interface OwnSignature {
  readonly header: string;
  /** The text that is signed before the raw body. */
  prefix(unixSeconds: number): string;
  /** Returns the header's value. `signatures` are hex, newest secret first, several during a rotation. */
  write(signatures: readonly string[], unixSeconds: number): string;
  /**
   * Parses a value of this header, which anyone may have written. `unixSeconds` is null if headers of
   * this form have no time, and NaN if this one should have a time and does not.
   */
  read(value: string): { signatures: string[]; unixSeconds: number | null };
}

/** One member of a request body, as JSON Schema. */
export interface BodyMember {
  readonly type: "string" | "integer" | "object";
  readonly description?: string;
  readonly const?: number;
  readonly pattern?: string;
}

/** The members that most dialects have. */
export const EVENT_ID: BodyMember = {
  type: "string",
  description:
    "the same on every attempt and every duplicate: store it, and ignore an event that you have seen",
};
export const EVENT_TYPE: BodyMember = {
  type: "string",
  description: "the event type, such as `file.created`",
};
export const TIMESTAMP: BodyMember = {
  type: "string",
  description: "RFC 3339, when it happened",
};
export const DATA: BodyMember = { type: "object", description: "as the producer wrote it" };

export interface Dialect {
  readonly name: string;
  /** Time-out of a whole attempt: resolve, connect, send, headers and body. */
  readonly timeoutMs: number;
  /** Delay before each attempt, including the first, counted from the end of the previous one. */
  readonly retryScheduleMs: readonly number[];
  readonly disableRule: DisableRule | null;
  /** The event types that this dialect defines; empty if its producers define them. */
  readonly catalogue: readonly string[];
  /** Returns the id in the body and in `webhook-id`. Without this function it is the event's id. */
  messageId?(eventId: string): string;
  /** The members of the body in order, for the OpenAPI document and the SDK's types. */
  readonly body: Readonly<Record<string, BodyMember>>;
  /** Returns the request body: the same text on every attempt. */
  envelope(input: EnvelopeInput): string;
  /**
   * The dialect's own headers except its signature. They are listed by name, so that custom-headers.ts
   * can reserve them: a user's custom header can never replace one.
   */
  readonly headers: Readonly<Record<string, (input: HeaderInput) => string>>;
  /** Null if the dialect has only `webhook-signature`. */
  readonly ownSignature: OwnSignature | null;
}

const MINUTE_MS = 60_000;

/** The defaults of a dialect that sets nothing else (docs/design.md §2.3). */
export const DEFAULTS = {
  timeoutMs: 10_000,
  retryScheduleMs: [0, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS],
  disableRule: { failing_for: "5d" },
} as const satisfies Partial<Dialect>;
