// Reads the body of POST /v1/events: one event or an array of up to 1,000. One invalid event rejects all.
import { arrayPieces, trimJson } from "./json-spans.ts";
import {
  elementText,
  notJsonMessage,
  readObject,
  tooLargeMessage,
  type Event,
  type EventLimits,
  type Rejection,
  type RejectionReason,
} from "./event.ts";
import { atOnce, type Steps } from "./steps.ts";

export const EVENTS_PER_REQUEST = 1_000;

/** Limits the answer to a body of a thousand invalid events. */
const MAX_ERRORS = 100;

export interface EventError {
  /** `event`, or `3.event` with the position in the array; empty if the whole body is at fault. */
  field: string;
  code: RejectionReason | "wrong-count";
  message: string;
}

export interface BatchLimits extends EventLimits {
  /** Makes the id of an event that has none. */
  newId: () => string;
}

export type EventWithId = Event & { id: string };
export type BatchReading =
  { ok: true; events: EventWithId[] } | { ok: false; errors: EventError[] };

/** Reads a whole request body. Only the error `not-json` does not belong to a field. */
export function readEvents(text: string, limits: BatchLimits): BatchReading {
  return atOnce(readEventsInSteps(text, limits));
}

/** Like `readEvents`, in steps of one event: reading 8 MiB of JSON in one step takes half a second. */
export function* readEventsInSteps(body: string, limits: BatchLimits): Steps<BatchReading> {
  const text = trimJson(body);
  yield;
  const array = yield* arrayPieces(text, EVENTS_PER_REQUEST);
  if (array === "not-an-array") return readWhole(text, limits);
  if (array === "not-json") {
    return bodyError("not-json", notJsonMessage(text, new Error("the array is incomplete")));
  }
  const { pieces, count } = array;
  if (count === 0 || count > EVENTS_PER_REQUEST) {
    const message = `the array has ${count} events; accepted are 1 to ${EVENTS_PER_REQUEST}`;
    return bodyError("wrong-count", message);
  }

  const events: EventWithId[] = [];
  const errors: EventError[] = [];
  for (const [position, { start, end }] of pieces.entries()) {
    const reading = readOne(trimJson(text.slice(start, end)), limits);
    if (reading.ok) events.push(reading.event);
    // If one element is not JSON, the array is not JSON.
    else if (reading.rejections.some(isNotJson)) return bodyNotJson(reading.rejections);
    else errors.push(...reading.rejections.map((rejection) => eventError(rejection, position)));
    if (errors.length >= MAX_ERRORS) break;
    yield;
  }
  return errors.length === 0 ? { ok: true, events } : { ok: false, errors };
}

function readWhole(text: string, limits: BatchLimits): BatchReading {
  const reading = readOne(text, limits);
  if (reading.ok) return { ok: true, events: [reading.event] };
  if (reading.rejections.some(isNotJson)) return bodyNotJson(reading.rejections);
  return { ok: false, errors: reading.rejections.map((rejection) => eventError(rejection, null)) };
}

type OneReading = { ok: true; event: EventWithId } | { ok: false; rejections: Rejection[] };

function readOne(text: string, limits: BatchLimits): OneReading {
  // Checked before parsing, which takes time in proportion to the length. The worker would reject it too.
  const writtenBytes = utf8Length(text);
  if (writtenBytes > limits.maxEventBytes) return tooLarge(writtenBytes, limits);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = notJsonMessage(text, error);
    return { ok: false, rejections: [{ reason: "not-json", field: null, message }] };
  }
  const reading = readObject(value, text, limits);
  if (!reading.ok) return reading;
  const event = { ...reading.event, id: reading.event.id ?? limits.newId() };
  // The worker checks the size of the element as it is pushed: with its id, without unknown fields.
  const bytes = utf8Length(elementText(event));
  return bytes <= limits.maxEventBytes ? { ok: true, event } : tooLarge(bytes, limits);
}

function tooLarge(bytes: number, { maxEventBytes }: BatchLimits): OneReading {
  const message = tooLargeMessage(bytes, maxEventBytes);
  return { ok: false, rejections: [{ reason: "too-large", field: null, message }] };
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

function isNotJson({ reason }: Rejection): boolean {
  return reason === "not-json";
}

function bodyNotJson(rejections: readonly Rejection[]): BatchReading {
  return bodyError("not-json", rejections.find(isNotJson)?.message ?? "");
}

function eventError({ reason, field, message }: Rejection, position: number | null): EventError {
  const path = [position, field].filter((part) => part !== null).join(".");
  return { field: path, code: reason, message };
}

function bodyError(code: EventError["code"], message: string): BatchReading {
  return { ok: false, errors: [{ field: "", code, message }] };
}
