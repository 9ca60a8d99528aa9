// What a dialect is. Each dialect is one file beside this one and holds only what differs.
import type { DisableRule } from "../disable-rule.ts";

/** What an envelope is made of. `data` is the exact text that the producer wrote. */
export interface EnvelopeInput {
  id: string;
  type: string;
  /** RFC 3339, as given by the producer or fixed at the claim. */
  timestamp: string;
  data: string;
}

/** What the headers of one attempt are made of. */
export interface HeaderInput {
  eventId: string;
  eventType: string;
  /** A UUID, new for every attempt. */
  deliveryId: string;
  /** When this attempt began, in Unix seconds. */
  unixSeconds: number;
}

/** The signature header that is the dialect's own: hex HMAC-SHA256, keyed with the secret as shown. */
export interface OwnSignature {
  readonly header: string;
  /** What is signed: this text, then the raw body. */
  prefix(unixSeconds: number): string;
  /** The header's value; `signatures` are hex, newest secret first, more than one in a rotation. */
  write(signatures: readonly string[], unixSeconds: number): string;
  /**
   * What a receiver finds in the value, whoever wrote it. `unixSeconds` is null where headers of
   * this form carry no time, and NaN where this one should and does not.
   */
  read(value: string): { signatures: string[]; unixSeconds: number | null };
}

/** One member of a request body as JSON Schema describes it. */
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
    "the same on every attempt and every second copy: keep it, and ignore one that you have seen",
};
export const EVENT_TYPE: BodyMember = {
  type: "string",
  description: "the event type, such as `file.created`",
};
export const TIMESTAMP: BodyMember = {
  type: "string",
  description: "RFC 3339, when it happened",
};
export const DATA: BodyMember = { type: "object", description: "as its producer wrote it" };

export interface Dialect {
  readonly name: string;
  /** For the whole attempt: resolve, connect, send, headers and body. */
  readonly timeoutMs: number;
  /** Delay before each attempt, the first included, counted from the end of the one before. */
  readonly retryScheduleMs: readonly number[];
  readonly disableRule: DisableRule | null;
  /** The event types that this dialect names; none where they are its producers' own. */
  readonly catalogue: readonly string[];
  /** The body's `id`, which is `webhook-id` too; the event's own id where this is not given. */
  messageId?(eventId: string): string;
  /** The members of the body in their order, for the OpenAPI document and the SDK's types. */
  readonly body: Readonly<Record<string, BodyMember>>;
  /** The request body; the same text on every attempt. */
  envelope(input: EnvelopeInput): string;
  /**
   * The dialect's own headers but for its signature. They are named here, not made by one function, so
   * that a user's custom header can never stand for one of them (custom-headers.ts).
   */
  readonly headers: Readonly<Record<string, (input: HeaderInput) => string>>;
  /** Null where the dialect has none besides `webhook-signature`. */
  readonly ownSignature: OwnSignature | null;
}

const MINUTE_MS = 60_000;

/** What a dialect has unless it says otherwise (DESIGN §2.4, "Schedule of all dialects unless set"). */
export const DEFAULTS = {
  timeoutMs: 10_000,
  retryScheduleMs: [0, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, 120 * MINUTE_MS],
  disableRule: { failing_for: "5d" },
} as const satisfies Partial<Dialect>;
