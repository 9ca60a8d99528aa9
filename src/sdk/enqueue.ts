// `enqueue` for producers that push onto the list themselves. It refuses events that the worker would
// reject, and pushes again under the same id if a reply is lost.
import { readEvents, type BatchReading } from "../wire/event-batch.ts";
import { elementText } from "../wire/event.ts";
import type { EventInput } from "./events.ts";
import type { FieldError } from "./flux-error.ts";
import { pause, pauseMsBefore } from "./pause.ts";

/** A Valkey client: iovalkey, ioredis and Bun's (`lpush`), node-redis (`lPush`), valkey-glide. */
export type ListClient =
  | { lpush(key: string, element: string): PromiseLike<unknown> }
  | { lPush(key: string, element: string): PromiseLike<unknown> }
  | GlideClient;

/** valkey-glide takes the elements as an array. */
interface GlideClient {
  lpush(key: string, elements: string[]): PromiseLike<unknown>;
  customCommand(args: string[]): PromiseLike<unknown>;
}

export interface EnqueueOptions {
  /** The list; default `fluxhook:events`. */
  queue?: string;
  /** Maximum number of pushes; default 4. */
  attempts?: number;
  /** Time-out for the reply to each push, in milliseconds; default 5,000. */
  timeoutMs?: number;
  /** The service's `FLUXHOOK_MAX_EVENT_BYTES`; default 262,144. */
  maxEventBytes?: number;
  /** Stops the attempts; the promise rejects with the signal's `reason`. */
  signal?: AbortSignal;
}

const DEFAULT_QUEUE = "fluxhook:events";
const DEFAULT_ATTEMPTS = 4;
const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_EVENT_BYTES = 256 * 1024;

/** Fluxhook would reject the event; nothing was pushed. */
export class InvalidEventError extends Error {
  override readonly name = "InvalidEventError";

  /** One entry for each fault. */
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    super(`The event is invalid: ${errors.map(({ message }) => message).join("; ")}`);
    this.errors = errors;
  }
}

/** No push was confirmed: the event may or may not be on the list. Its id makes a repetition harmless. */
export class EnqueueError extends Error {
  override readonly name = "EnqueueError";

  /** Put this id into the event and enqueue it again: receivers detect duplicates by it. */
  readonly id: string;
  /** Number of pushes. */
  readonly attempts: number;

  constructor(id: string, queue: string, attempts: number, cause: unknown) {
    super(
      `The event ${id} may be on the list ${queue} or not: no push of ${attempts} was confirmed. Enqueue it again with this id`,
      { cause },
    );
    this.id = id;
    this.attempts = attempts;
  }
}

/**
 * Checks an event and pushes it onto Fluxhook's list.
 *
 * ```ts
 * import { enqueue } from "fluxhook";
 *
 * const { id } = await enqueue(valkey, {
 *   user_id: "u_1",
 *   event: "file.created",
 *   data: { file_id: "f_1" },
 * });
 * ```
 *
 * Adds a missing `id` and `timestamp`, and pushes the same element again if a push fails or its reply
 * is lost. So an event may be on the list twice, with the same id.
 *
 * @param valkey A connected client, with `lpush` or `lPush`.
 * @returns The event's id.
 * @throws {InvalidEventError} The service would reject the event; the messages are its own.
 * @throws {EnqueueError} No push was confirmed. Enqueue the event again with the `id` of the error.
 */
export async function enqueue(
  valkey: ListClient,
  event: EventInput,
  options: EnqueueOptions = {},
): Promise<{ id: string }> {
  const { queue = DEFAULT_QUEUE, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const attempts = options.attempts ?? DEFAULT_ATTEMPTS;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new TypeError("attempts must be a whole number, 1 or more");
  }
  const { id, element } = elementOf(event, options.maxEventBytes ?? DEFAULT_MAX_EVENT_BYTES);
  for (let attempt = 1; ; attempt++) {
    try {
      await within(timeoutMs, signal, () => push(valkey, queue, element));
      return { id };
    } catch (cause) {
      signal?.throwIfAborted();
      if (attempt >= attempts) throw new EnqueueError(id, queue, attempt, cause);
    }
    await pause(pauseMsBefore(attempt + 1), signal);
  }
}

/** Returns the element, which is the same for every attempt: it contains the id and the time. */
function elementOf(event: EventInput, maxEventBytes: number): { id: string; element: string } {
  const timed = { ...event, timestamp: event.timestamp ?? new Date().toISOString() };
  const reading: BatchReading = readEvents(JSON.stringify(timed), {
    maxEventBytes,
    eventTypes: "open",
    newId: () => `evt_${crypto.randomUUID().replaceAll("-", "")}`,
  });
  if (!reading.ok) throw new InvalidEventError(reading.errors);
  const [read] = reading.events;
  if (read === undefined) throw new Error("an event was read as no event");
  return { id: read.id, element: elementText(read) };
}

function push(valkey: ListClient, queue: string, element: string): PromiseLike<unknown> {
  if ("lPush" in valkey) return valkey.lPush(queue, element);
  if ("customCommand" in valkey) return valkey.lpush(queue, [element]);
  return valkey.lpush(queue, element);
}

/**
 * A client may hold a command for ever: while it reconnects, or after a lost reply. If it sends the
 * command later, the list gets a duplicate with the same id.
 */
async function within(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  run: () => PromiseLike<unknown>,
): Promise<void> {
  const ended = new AbortController();
  const end = signal === undefined ? ended.signal : AbortSignal.any([ended.signal, signal]);
  const late = pause(timeoutMs, end).then(() => {
    throw new Error(`no reply within ${timeoutMs} ms`);
  });
  try {
    await Promise.race([run(), late]);
  } finally {
    ended.abort();
  }
}
