// What a producer pushes (docs/design.md §2.1): the schema of an element, and the reader, which takes
// `data` out of the text unchanged. An invalid element is a value with a reason, never an exception.
import { z } from "zod";
import { decodeUtf8 } from "./bytes.ts";
import { EVENT_TYPE_ACCEPTED, EVENT_TYPE_FORM, isEventType } from "./event-pattern.ts";
import { excerpt } from "./excerpt.ts";
import { isJsonObject } from "./json-object.ts";
import { objectMembers } from "./json-spans.ts";
import { isOwnerId, ownerIdSchema } from "./owner.ts";
import { isTimestamp, TIMESTAMP_ACCEPTED, TIMESTAMP_PATTERN } from "./timestamp.ts";
import { isTraceparent, TRACEPARENT_ACCEPTED, TRACEPARENT_PATTERN } from "./traceparent.ts";

export interface Event {
  userId?: string;
  orgId?: string;
  type: string;
  id?: string;
  timestamp?: string;
  traceparent?: string;
  /** A JSON object, as the exact text that the producer wrote. */
  data: string;
}

export const REJECTION_REASONS = [
  "empty",
  "too-large",
  "not-utf8",
  "not-json",
  "not-an-object",
  "duplicate-field",
  "invalid-field",
  "no-owner",
  "unknown-event-type",
  "crashed-worker",
  "unreadable",
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

export interface Rejection {
  reason: RejectionReason;
  /** The name of the field at fault; null if the whole element is at fault. */
  field: string | null;
  message: string;
}

export interface EventLimits {
  maxEventBytes: number;
  /** `open` accepts any well-formed type. */
  eventTypes: "open" | ReadonlySet<string>;
}

export type ElementReading = { ok: true; event: Event } | { ok: false; rejection: Rejection };
export type ObjectReading = { ok: true; event: Event } | { ok: false; rejections: Rejection[] };

/** No dots: Standard Webhooks signs `id.timestamp.body`, and a dot in the id would make that ambiguous. */
const EVENT_ID = /^[A-Za-z0-9_-]{1,128}$/;

export function isEventId(text: string): boolean {
  return EVENT_ID.test(text);
}

function textField(
  accepted: string,
  isAccepted: (text: string) => boolean,
  form: { pattern: string; maxLength?: number },
) {
  return z
    .string({ error: `must be ${accepted}` })
    .refine(isAccepted, { error: `must be ${accepted}` })
    .meta(form);
}

/** Checks only that `data` is an object. Its text is sent unchanged, so its members are not copied. */
const dataSchema = z
  .custom<Record<string, unknown>>(isJsonObject, { error: "must be a JSON object" })
  .meta({ type: "object", additionalProperties: true, example: { file_id: "f_1" } });

export const eventSchema = z
  .object({
    user_id: ownerIdSchema
      .optional()
      .describe("the user whose webhooks get it; or org_id, or both"),
    org_id: ownerIdSchema.optional().describe("the organisation's webhooks get it too"),
    event: textField(EVENT_TYPE_ACCEPTED, isEventType, EVENT_TYPE_FORM)
      .describe("the event type: words joined by dots")
      .meta({ example: "file.created" }),
    data: dataSchema.describe("sent exactly as it was received"),
    id: textField("1 to 128 characters of A-Z a-z 0-9 _ -", isEventId, { pattern: EVENT_ID.source })
      .optional()
      .describe("the id by which receivers detect duplicates; generated if missing"),
    timestamp: textField(TIMESTAMP_ACCEPTED, isTimestamp, { pattern: TIMESTAMP_PATTERN })
      .optional()
      .describe("RFC 3339, a date that exists: when it happened; sent unchanged"),
    traceparent: textField(TRACEPARENT_ACCEPTED, isTraceparent, { pattern: TRACEPARENT_PATTERN })
      .optional()
      .describe("W3C trace context, forwarded as a header"),
  })
  .refine((event) => event.user_id !== undefined || event.org_id !== undefined, {
    error: "or org_id is required",
    path: ["user_id"],
    params: { reason: "no-owner" satisfies RejectionReason },
  })
  .meta({
    id: "Event",
    description:
      "Its text in the body may have FLUXHOOK_MAX_EVENT_BYTES. No field may be given twice. GET " +
      "/v1/event-types lists the accepted types.",
    anyOf: [{ required: ["user_id"] }, { required: ["org_id"] }],
  });

type EventFields = z.infer<typeof eventSchema>;

const isText = (value: unknown, isAccepted: (text: string) => boolean) =>
  typeof value === "string" && isAccepted(value);
const isTextOrAbsent = (value: unknown, isAccepted: (text: string) => boolean) =>
  value === undefined || isText(value, isAccepted);

/** The schema's rules without its messages, in a tenth of the time. Only invalid events need messages. */
function isEvent(value: Record<string, unknown>): value is EventFields {
  return (
    isText(value.event, isEventType) &&
    isJsonObject(value.data) &&
    isTextOrAbsent(value.user_id, isOwnerId) &&
    isTextOrAbsent(value.org_id, isOwnerId) &&
    (value.user_id !== undefined || value.org_id !== undefined) &&
    isTextOrAbsent(value.id, isEventId) &&
    isTextOrAbsent(value.timestamp, isTimestamp) &&
    isTextOrAbsent(value.traceparent, isTraceparent)
  );
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set(Object.keys(eventSchema.shape));

/** Reads one element of the list. */
export function readElement(bytes: Uint8Array, limits: EventLimits): ElementReading {
  if (bytes.length === 0) return rejected("empty", "the element is empty; accepted is JSON");
  if (bytes.length > limits.maxEventBytes) {
    return rejected("too-large", tooLargeMessage(bytes.length, limits.maxEventBytes));
  }
  const text = decodeUtf8(bytes);
  if (text === null) return rejected("not-utf8", "the element is not UTF-8");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // Nesting that overflows the parser's stack also ends here: no receiver could parse it.
    return rejected("not-json", notJsonMessage(text, error));
  }
  const reading = readObject(value, text, limits);
  if (reading.ok) return reading;
  const [rejection] = reading.rejections;
  if (rejection === undefined) throw new Error("an element was rejected without a reason");
  return { ok: false, rejection };
}

/** Reads the value that JSON.parse made of `text`. Lists every fault. */
export function readObject(value: unknown, text: string, limits: EventLimits): ObjectReading {
  if (!isJsonObject(value)) {
    const message = `the element must be a JSON object; found ${excerpt(value)}`;
    return { ok: false, rejections: [{ reason: "not-an-object", field: null, message }] };
  }
  let data = "";
  const seen: string[] = [];
  const twice: string[] = [];
  for (const { key, start, end } of objectMembers(text)) {
    if (!KNOWN_FIELDS.has(key)) continue;
    if (!seen.includes(key)) seen.push(key);
    else if (!twice.includes(key)) twice.push(key);
    if (key === "data") data = text.slice(start, end);
  }
  // JSON readers differ in which of the two they take, so neither is certain to be what was meant.
  if (twice.length > 0) return { ok: false, rejections: twice.map(duplicateField) };

  const fields = isEvent(value) ? value : null;
  if (fields === null) {
    const issues = eventSchema.safeParse(value).error?.issues ?? [];
    return { ok: false, rejections: issues.map((issue) => fieldRejection(issue, value)) };
  }
  if (limits.eventTypes !== "open" && !limits.eventTypes.has(fields.event)) {
    return { ok: false, rejections: [unknownType(fields.event, limits.eventTypes)] };
  }
  return {
    ok: true,
    event: {
      userId: fields.user_id,
      orgId: fields.org_id,
      type: fields.event,
      id: fields.id,
      timestamp: fields.timestamp,
      traceparent: fields.traceparent,
      data,
    },
  };
}

/** Writes an event as an element to push. `readElement` returns the same event. */
export function elementText(event: Event & { id: string }): string {
  const fields = JSON.stringify({
    user_id: event.userId,
    org_id: event.orgId,
    event: event.type,
    id: event.id,
    timestamp: event.timestamp,
    traceparent: event.traceparent,
  });
  return `${fields.slice(0, -1)},"data":${event.data}}`;
}

export function tooLargeMessage(foundBytes: number, maxEventBytes: number): string {
  return `the element has ${foundBytes} bytes; accepted are at most ${maxEventBytes}`;
}

export function notJsonMessage(text: string, error: unknown): string {
  const why = error instanceof Error ? excerpt(error.message) : "it cannot be parsed";
  return `the text is not JSON: ${why}; found ${excerpt(text)}`;
}

function rejected(reason: RejectionReason, message: string): ElementReading {
  return { ok: false, rejection: { reason, field: null, message } };
}

function duplicateField(field: string): Rejection {
  return {
    reason: "duplicate-field",
    field,
    message: `${field} is given more than once; accepted is once`,
  };
}

function fieldRejection(issue: z.core.$ZodIssue, value: Record<string, unknown>): Rejection {
  const field = String(issue.path[0]);
  if (issue.code === "custom" && issue.params?.["reason"] === "no-owner") {
    return { reason: "no-owner", field, message: `${field} ${issue.message}` };
  }
  const message = `${field} ${issue.message}; found ${excerpt(value[field])}`;
  return { reason: "invalid-field", field, message };
}

function unknownType(type: string, accepted: ReadonlySet<string>): Rejection {
  const names = [...accepted].slice(0, 20).join(", ") + (accepted.size > 20 ? ", …" : "");
  const message = `event ${excerpt(type)} is not in the catalogue; accepted are ${names}`;
  return { reason: "unknown-event-type", field: "event", message };
}
