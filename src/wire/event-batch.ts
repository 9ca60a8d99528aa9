// The body of POST /v1/events: one event or an array of up to 1,000, all or nothing.
import { arrayElements } from "./json-spans.ts";
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

export const EVENTS_PER_REQUEST = 1_000;

/** A body of a thousand faulty events need not be answered with thousands of lines. */
const MAX_ERRORS = 100;

export interface EventError {
  /** `event`, or with its position in the array `3.event`; empty where it is the whole body. */
  field: string;
  code: RejectionReason | "wrong-count";
  message: string;
}

export interface BatchLimits extends EventLimits {
  /** The id of an event that comes without one. */
  newId: () => string;
}

export type EventWithId = Event & { id: string };
export type BatchReading =
  { ok: true; events: EventWithId[] } | { ok: false; errors: EventError[] };

/** Reads a whole request body; `not-json` is the one error that is no field's fault. */
export function readEvents(text: string, limits: BatchLimits): BatchReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return bodyError("not-json", notJsonMessage(text, error));
  }
  if (!Array.isArray(value)) {
    const reading = readOne(value, text, limits);
    return reading.ok
      ? { ok: true, events: [reading.event] }
      : { ok: false, errors: reading.rejections.map((rejection) => eventError(rejection, null)) };
  }
  const values: readonly unknown[] = value;
  if (values.length === 0 || values.length > EVENTS_PER_REQUEST) {
    const message = `the array has ${values.length} events; accepted are 1 to ${EVENTS_PER_REQUEST}`;
    return bodyError("wrong-count", message);
  }

  const events: EventWithId[] = [];
  const errors: EventError[] = [];
  for (const [position, { start, end }] of arrayElements(text).entries()) {
    const reading = readOne(values[position], text.slice(start, end), limits);
    if (reading.ok) events.push(reading.event);
    else errors.push(...reading.rejections.map((rejection) => eventError(rejection, position)));
    if (errors.length >= MAX_ERRORS) break;
  }
  return errors.length === 0 ? { ok: true, events } : { ok: false, errors };
}

type OneReading = { ok: true; event: EventWithId } | { ok: false; rejections: Rejection[] };

function readOne(value: unknown, text: string, limits: BatchLimits): OneReading {
  const reading = readObject(value, text, limits);
  if (!reading.ok) return reading;
  const event = { ...reading.event, id: reading.event.id ?? limits.newId() };
  // The claim judges the element as it is pushed: with its id, without the fields that were ignored.
  const bytes = new TextEncoder().encode(elementText(event)).length;
  if (bytes <= limits.maxEventBytes) return { ok: true, event };
  const message = tooLargeMessage(bytes, limits.maxEventBytes);
  return { ok: false, rejections: [{ reason: "too-large", field: null, message }] };
}

function eventError({ reason, field, message }: Rejection, position: number | null): EventError {
  const path = [position, field].filter((part) => part !== null).join(".");
  return { field: path, code: reason, message };
}

function bodyError(code: EventError["code"], message: string): BatchReading {
  return { ok: false, errors: [{ field: "", code, message }] };
}
