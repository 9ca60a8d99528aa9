// One viewer of the stream: the body of its answer, with a bound on what waits for it. A viewer that reads
// slowly, or not at all, loses events and is told how many; it never delays another one.
import type { ByeReason } from "../wire/live.ts";
import { COMMENT, eventText, type LiveFilter } from "./server-sent.ts";

/** What waits for one viewer; one message more may be added to less than that. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A viewer that has read nothing for this long is ended; it can come back. */
const STALLED_MS = 60_000;

const encoder = new TextEncoder();

export interface ViewerOptions {
  filter: LiveFilter;
  /** Returns false when its token no longer counts. */
  isAllowed: () => boolean | Promise<boolean>;
  /** By `performance.now()`. */
  endsAtMs: number;
  onEnd: () => void;
  onDropped?: (events: number) => void;
}

export class Viewer {
  readonly body: ReadableStream<Uint8Array>;
  /** False until it was given what it has missed: until then it gets nothing new. */
  isReady = false;
  isEnded = false;
  private controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  private dropped = 0;
  private fullSinceMs: number | null = null;

  constructor(readonly options: ViewerOptions) {
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        cancel: () => this.finish(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: MAX_WAITING_BYTES }),
    );
  }

  get filter(): LiveFilter {
    return this.options.filter;
  }

  sendText(text: string, events = 1): void {
    this.send(encoder.encode(text), events);
  }

  /** Sends encoded events; drops and counts them if the viewer has too much to read already. */
  send(chunk: Uint8Array, events: number): void {
    if (this.isEnded) return;
    if (this.isFull()) {
      this.dropped += events;
      this.options.onDropped?.(events);
      return;
    }
    if (this.dropped > 0) {
      const { dropped } = this;
      this.dropped = 0;
      this.enqueue(encoder.encode(eventText("dropped", { count: dropped })));
    }
    this.enqueue(chunk);
  }

  /** A comment, so that nothing on the way takes the connection for dead. Tells also of what was dropped. */
  keepAlive(): void {
    this.sendText(COMMENT, 0);
  }

  /** Returns the reason why the service ends this viewer now, or null. */
  reasonToEnd(nowMs: number): ByeReason | null {
    if (nowMs >= this.options.endsAtMs) return "time";
    if (!this.isFull()) this.fullSinceMs = null;
    else this.fullSinceMs ??= nowMs;
    return this.fullSinceMs !== null && nowMs - this.fullSinceMs >= STALLED_MS ? "stalled" : null;
  }

  end(reason: ByeReason): void {
    if (this.isEnded) return;
    this.enqueue(encoder.encode(eventText("bye", { reason })));
    try {
      this.controller?.close();
    } catch {
      // The viewer had gone a moment before.
    }
    this.finish();
  }

  /** The viewer has gone. */
  finish(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.options.onEnd();
  }

  private isFull(): boolean {
    return (this.controller?.desiredSize ?? 0) <= 0;
  }

  private enqueue(chunk: Uint8Array): void {
    try {
      this.controller?.enqueue(chunk);
    } catch {
      // The stream was cancelled, and `cancel` has not been called yet.
      this.finish();
    }
  }
}

/** Sends each viewer what its filter lets through; viewers with the same filter share the encoded bytes. */
export function broadcast<Item>(
  viewers: Iterable<Viewer>,
  items: readonly Item[],
  matches: (item: Item, filter: LiveFilter) => boolean,
  toText: (items: readonly Item[]) => string,
): void {
  const encoded = new Map<string, { chunk: Uint8Array; events: number }>();
  for (const viewer of viewers) {
    if (!viewer.isReady) continue;
    const { webhookId, outcome, event, workflowId } = viewer.filter;
    const key = [webhookId, outcome, event, workflowId].join(" ");
    let made = encoded.get(key);
    if (!made) {
      const wanted = items.filter((item) => matches(item, viewer.filter));
      made = { chunk: encoder.encode(toText(wanted)), events: wanted.length };
      encoded.set(key, made);
    }
    if (made.events > 0) viewer.send(made.chunk, made.events);
  }
}
