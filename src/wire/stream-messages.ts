// Reads the messages of a stream of server-sent events, for the SDK and the commands.
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** The service sends a comment every 5 s: after this silence the connection is dead. */
const SILENCE_MS = 20_000;

/** Ends with the connection, for whatever reason; calls `gone` if nothing comes any more. */
export async function* streamMessages(
  body: ReadableStream<Uint8Array>,
  gone: AbortController,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const ready: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => ready.push(message) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const silence = setTimeout(() => gone.abort(), SILENCE_MS);
    let part: { done: boolean; value?: Uint8Array };
    try {
      part = await reader.read();
    } catch {
      return;
    } finally {
      clearTimeout(silence);
    }
    if (part.done) return;
    parser.feed(decoder.decode(part.value, { stream: true }));
    yield* ready.splice(0);
  }
}
