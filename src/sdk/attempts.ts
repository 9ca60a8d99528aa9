// Reads the stream of attempts that FLUXHOOK_ATTEMPTS_STREAM names, for an application's own audit log or
// search index.
import type { LogEntry } from "./logs.ts";
import { pause, pauseMsBefore } from "./pause.ts";

/**
 * A Valkey client on a connection of its own, which waits for new attempts: iovalkey and ioredis (`call`),
 * node-redis (`sendCommand`), Bun's (`send`).
 */
export type StreamClient =
  | { call(command: string, ...args: string[]): PromiseLike<unknown> }
  | { sendCommand(args: string[]): PromiseLike<unknown> }
  | { send(command: string, args: string[]): PromiseLike<unknown> };

export interface AttemptsOptions {
  /** The `FLUXHOOK_ATTEMPTS_STREAM` of the service. */
  stream: string;
  /**
   * The `position` of the last attempt that was handled. Without it the reading begins with the oldest
   * attempt that the stream still has; `$` begins with the next new one.
   */
  after?: string;
  /** Ends the iteration. What is being waited for ends within 5 seconds. */
  signal?: AbortSignal;
}

/** A finished attempt: its entry in the owner's log, the owner, and where it is in the stream. */
export interface StreamedAttempt extends LogEntry {
  /** Store it together with what you make of the attempt, and go on with it as `after`. */
  position: string;
  user_id?: string;
  org_id?: string;
}

/** As it is in the stream. */
type Stored = Omit<StreamedAttempt, "position">;

const BLOCK_MS = 5_000;
const MAX_PER_READ = 500;
const POSITION = /^\d{1,20}(?:-\d{1,20})?$/;

/**
 * Iterates over finished attempts, oldest first, and waits for new ones.
 *
 * ```ts
 * import { attempts } from "fluxhook";
 *
 * for await (const attempt of attempts(valkey, { stream: "app:attempts", after: lastPosition })) {
 *   await index.store(attempt, attempt.position);
 * }
 * ```
 *
 * The stream keeps about the last `FLUXHOOK_ATTEMPTS_STREAM_MAX` attempts: a reader that falls further
 * behind misses some. The iteration goes on after an outage of Valkey.
 *
 * @throws {TypeError} `after` is no position.
 * @throws The client's error if the key holds another type, or the client may not read it.
 */
export async function* attempts(
  valkey: StreamClient,
  { stream, after = "0", signal }: AttemptsOptions,
): AsyncGenerator<StreamedAttempt, void, undefined> {
  if (after !== "$" && !POSITION.test(after)) {
    throw new TypeError("after must be the position of an attempt, such as 1764288000000-0, or $");
  }
  let last = after === "$" ? await newest(valkey, stream) : after;
  for (let failures = 0; ;) {
    if (signal?.aborted) return;
    let entries: Entry[];
    try {
      const args = ["COUNT", String(MAX_PER_READ), "BLOCK", String(BLOCK_MS)];
      entries = entriesIn(await run(valkey, "XREAD", [...args, "STREAMS", stream, last]));
      failures = 0;
    } catch (error) {
      if (isRefusal(error)) throw error;
      failures += 1;
      await pause(pauseMsBefore(failures + 1, null), signal).catch(() => {});
      continue;
    }
    for (const { position, text } of entries) {
      last = position;
      const attempt = parsed(text);
      // Another program may write to the stream: what is no attempt is left out.
      if (attempt === null) continue;
      yield { ...attempt, position };
      if (signal?.aborted) return;
    }
  }
}

interface Entry {
  position: string;
  text: string;
}

/** The last position, so that nothing is missed between two reads; `$` itself would name a new one each time. */
async function newest(valkey: StreamClient, stream: string): Promise<string> {
  const reply = await run(valkey, "XREVRANGE", [stream, "+", "-", "COUNT", "1"]);
  const [entry] = Array.isArray(reply) ? (reply as unknown[]) : [];
  return Array.isArray(entry) ? String(entry[0]) : "0";
}

function run(valkey: StreamClient, command: string, args: string[]): PromiseLike<unknown> {
  if ("call" in valkey) return valkey.call(command, ...args);
  return "sendCommand" in valkey
    ? valkey.sendCommand([command, ...args])
    : valkey.send(command, args);
}

/** Reads the reply of XREAD: pairs of a key and its entries, or with RESP3 a map, which some clients flatten. */
function entriesIn(reply: unknown): Entry[] {
  return entriesOf(reply).flatMap((entry) => {
    if (!Array.isArray(entry)) return [];
    const [position, fields] = entry as [unknown, unknown];
    const flat = Array.isArray(fields) ? fields.map(String) : [];
    const at = flat.findIndex((name, index) => index % 2 === 0 && name === "attempt");
    return [{ position: String(position), text: at < 0 ? "" : (flat[at + 1] ?? "") }];
  });
}

function entriesOf(reply: unknown): unknown[] {
  if (reply === null || reply === undefined) return [];
  const found: unknown = reply instanceof Map ? reply.values().next().value : inOneKey(reply);
  return Array.isArray(found) ? (found as unknown[]) : [];
}

function inOneKey(reply: object): unknown {
  if (!Array.isArray(reply)) return Object.values(reply)[0];
  const [first, second] = reply as unknown[];
  return Array.isArray(first) ? (first as unknown[])[1] : second;
}

function parsed(text: string): Stored | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "delivery_id" in value
      ? (value as Stored)
      : null;
  } catch {
    return null;
  }
}

/** An answer of Valkey, which the same command gets again; anything else is an outage. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && /\b(?:WRONGTYPE|NOPERM|NOAUTH|WRONGPASS)\b/.test(error.message);
}
