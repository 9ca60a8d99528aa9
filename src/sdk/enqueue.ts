// `enqueue` for producers that push onto the list by themselves: an event that the worker would reject
// never gets there, and one whose reply was lost is pushed again under the same id.
import { readEvents, type BatchReading } from "../wire/event-batch.ts";
import { elementText } from "../wire/event.ts";
import type { EventInput } from "./events.ts";
import type { FieldError } from "./flux-error.ts";
import { pause, pauseMsBefore } from "./pause.ts";

/** A client of Valkey: iovalkey, ioredis and Bun's (`lpush`), node-redis (`lPush`), valkey-glide. */
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
  /** The list; `fluxhook:events` unless given. */
  queue?: string;
  /** How often it is pushed at most; 4 unless given. */
  attempts?: number;
  /** For the reply to each push, in milliseconds; 5,000 unless given. */
  timeoutMs?: number;
  /** The service's `FLUXHOOK_MAX_EVENT_BYTES`; 262,144 unless given. */
  maxEventBytes?: number;
  /** Ends the attempts; the promise rejects with the signal's `reason`. */
  signal?: AbortSignal;
}

const DEFAULT_QUEUE = "fluxhook:events";
const DEFAULT_ATTEMPTS = 4;
const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_MAX_EVENT_BYTES = 256 * 1024;

/** The event is none that Fluxhook would take; nothing was pushed. */
export class InvalidEventError extends Error {
  override readonly name = "InvalidEventError";

  /** One entry for each fault. */
  readonly errors: readonly FieldError[];

  constructor(errors: readonly FieldError[]) {
    super(`The event is invalid: ${errors.map(({ message }) => message).join("; ")}`);
    this.errors = errors;
  }
}

/** No reply came: the event may be on the list or not. Its id makes a repetition harmless. */
export class EnqueueError extends Error {
  override readonly name = "EnqueueError";

  /** Give it to the event, and enqueue it again: receivers dedupe on it. */
  readonly id: string;
  /** How often it was pushed. */
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
 * It makes the `id` and the `timestamp` where they are missing, and pushes the same element again
 * where a push fails or its reply is lost. So an event may be on the list twice, with one id.
 *
 * @param valkey A connected client, with `lpush` or `lPush`.
 * @returns The event's id.
 * @throws {InvalidEventError} It would be rejected: by the same rules and in the words of the service.
 * @throws {EnqueueError} No push was confirmed; the error has the `id` to go on with.
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

/** The same text for every attempt: its id and its time are in it. */
function elementOf(event: EventInput, maxEventBytes: number): { id: string; element: string } {
  const timed = { ...event, timestamp: event.timestamp ?? new Date().toISOString() };
  const reading: BatchReading = readEvents(JSON.stringify(timed), {
    maxEventBytes,
    eventTypes: "open",
    newId: () => `evt_${crypto.randomUUID().replaceAll("-", "")}`,
  });
  if (!reading.ok) throw new InvalidEventError(reading.errors);
  const [read] = reading.events;
  if (read === undefined) throw new Error("an event was read as none");
  return { id: read.id, element: elementText(read) };
}

function push(valkey: ListClient, queue: string, element: string): PromiseLike<unknown> {
  if ("lPush" in valkey) return valkey.lPush(queue, element);
  if ("customCommand" in valkey) return valkey.lpush(queue, [element]);
  return valkey.lpush(queue, element);
}

/**
 * A client may keep a command for ever: while it reconnects, or where the reply was lost and it does
 * not repeat it. What it does with the command afterwards is a second copy with the same id.
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
