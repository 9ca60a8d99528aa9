// Reads the stream of attempts (`GET /v1/stream`), and connects again by itself after any break.
import type { EventSourceMessage } from "eventsource-parser";
import { streamMessages } from "../wire/stream-messages.ts";
import type { Alert, LiveAttempt, LiveExecution, Series, Stats } from "./api-types.ts";
import { pause, pauseMsBefore } from "./pause.ts";
import type { Transport } from "./transport.ts";

export type { LiveAttempt, LiveExecution } from "./api-types.ts";

/** What to follow. With a scoped token, always the token's owner. */
export interface FollowFilter {
  user_id?: string;
  org_id?: string;
  webhook_id?: string;
  /** `failed` is `retry` or `parked`. */
  outcome?: "delivered" | "retry" | "parked" | "failed";
  /** An event type, or a prefix such as `file.*`. */
  event?: string;
}

/** Which executions to follow: of all workflows, or of one. */
export interface ExecutionFollowFilter {
  executions: "true";
  workflow_id?: string;
}

export interface FollowOptions {
  /** Ends the stream: the loop rejects with the signal's `reason`. To end it quietly, leave the loop. */
  signal?: AbortSignal;
  /** The `delivery_id` of an attempt: begin with what came after it. */
  after?: string;
}

/** An event of the stream. Later versions may have more of them. */
export type StreamedEvent =
  | { event: "attempt"; data: LiveAttempt }
  | { event: "execution"; data: LiveExecution }
  | { event: "alert"; data: Alert }
  | {
      event: "hello";
      data: { source: "owner" | "all" | "executions" | "figures"; max_per_second: number | null };
    }
  /** Of a stream of figures. */
  | { event: "stats"; data: Stats }
  /** Of a stream of figures: the newest steps of the hour. */
  | { event: "series"; data: Series }
  | {
      event: "second";
      data: { t: string; delivered: number; retry: number; parked: number; shown: number };
    }
  /** Something is missing here: this reader was too slow, or there were more than are kept or shown. */
  | { event: "dropped"; data: { count: number } }
  | { event: "skipped"; data: { message: string } }
  | { event: "valkey"; data: { state: "away" | "up"; since: string | null } }
  | { event: "bye"; data: { reason: string } };

/** Yields the events of one stream after another, until the caller leaves the loop. @throws {FluxError} */
export async function* streamEvents(
  transport: Transport,
  query: Readonly<Record<string, string | undefined>>,
  { signal, after }: FollowOptions,
): AsyncGenerator<StreamedEvent, void, undefined> {
  let last = after;
  let failures = 0;
  for (let isFirst = true; ; isFirst = false) {
    const gone = new AbortController();
    const ends = signal === undefined ? gone.signal : AbortSignal.any([gone.signal, signal]);
    try {
      const body = await transport.openStream(
        { path: "/v1/stream", query, lastEventId: last },
        { signal: ends, isAgain: !isFirst },
      );
      if (body !== null) {
        failures = 0;
        for await (const message of streamMessages(body, gone)) {
          last = message.id ?? last;
          yield eventOf(message);
        }
      }
    } finally {
      // Also where the caller leaves the loop.
      gone.abort();
    }
    signal?.throwIfAborted();
    failures += 1;
    await pause(pauseMsBefore(failures + 1), signal);
  }
}

function eventOf({ event, data }: EventSourceMessage): StreamedEvent {
  return { event, data: JSON.parse(data) as unknown } as StreamedEvent;
}
