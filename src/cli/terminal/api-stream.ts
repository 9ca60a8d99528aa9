// Reads a stream of the API for a command: server-sent events, one connection after the other.
import { streamMessages } from "../../wire/stream-messages.ts";
import type { Answer, ApiClient } from "./api-client.ts";

const AGAIN_AFTER_MS = 1_000;

export interface StreamMessage {
  event: string;
  /** The event's data, as JSON text. */
  data: string;
}

export interface StreamReader {
  message(message: StreamMessage): void | Promise<void>;
  /** The connection is lost; said once. */
  lost(why: string): void;
  /** It is back. */
  back(): void;
}

/**
 * Reads until `ended`, and connects again after any break.
 * @throws Error with the problem's message, if the API refuses or there is no answer to the first request
 */
export async function followStream(
  api: ApiClient,
  path: string,
  reader: StreamReader,
  ended: AbortSignal,
): Promise<void> {
  let last: string | undefined;
  let isAway = false;
  for (let isFirst = true; !ended.aborted; isFirst = false) {
    const gone = new AbortController();
    const opened = await api.openStream(path, {
      lastEventId: last,
      signal: AbortSignal.any([ended, gone.signal]),
    });
    if (ended.aborted) return;
    let why = "the stream has ended";
    if ("body" in opened) {
      if (isAway) reader.back();
      isAway = false;
      for await (const message of streamMessages(opened.body, gone)) {
        last = message.id ?? last;
        await reader.message({ event: message.event ?? "", data: message.data });
      }
    } else {
      if (isFirst || !isPassing(opened)) throw new Error(opened.message);
      why = opened.message;
    }
    if (ended.aborted) return;
    if (!isAway) reader.lost(why);
    isAway = true;
    await pause(AGAIN_AFTER_MS, ended);
  }
}

/** True for a restart, an outage or a proxy error; a wrong token stays wrong. */
export function isPassing(answer: Exclude<Answer, { kind: "answered" }>): boolean {
  return answer.kind === "unreachable" || answer.status >= 500 || answer.status === 429;
}

function pause(ms: number, ended: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    ended.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
