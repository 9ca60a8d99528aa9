// Writes what this process has counted to the series in Valkey, about once a second, and only after something was
// counted. A crash loses what was counted in the last second; an outage of Valkey loses nothing.
import type { QueueGauges, SeriesChange, SeriesWindow } from "./series-window.ts";

/** One write. A repetition with the same number changes nothing. */
export interface SeriesWrite extends SeriesChange {
  number: number;
  /** When its counting began, in Unix milliseconds. */
  atMs: number;
}

export interface SeriesWriterOptions {
  window: SeriesWindow;
  /** Reads what counts of each queue besides. */
  gauges: () => Promise<ReadonlyMap<string, QueueGauges>>;
  write: (write: SeriesWrite) => Promise<void>;
  /** Called for a write that Valkey refused; it is dropped. An outage is not reported: it is tried again. */
  onRefused: (error: unknown) => void;
  isOutage: (error: unknown) => boolean;
  /** Unix milliseconds. */
  now?: () => number;
}

/** From the first count to its write: what is left of the second is for Valkey's answers and a busy process. */
const WRITE_AFTER_MS = 850;
/** After a write that failed. */
const AGAIN_AFTER_MS = 1_000;
/** A key that holds something else is refused with every write. */
const REPORT_EVERY_MS = 60_000;

export class SeriesWriter {
  private timer: Timer | null = null;
  private beganAtMs: number | null = null;
  /** When what waits has to be written, by `performance.now()`. */
  private dueAt = 0;
  private waiting: SeriesWrite | null = null;
  private number = 0;
  private writing: Promise<void> | null = null;
  private isClosed = false;
  private reportedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SeriesWriterOptions) {
    options.window.onFirst = () => this.begin();
  }

  /** Writes what was counted until now; at the end of the process, and in tests. */
  async flush(): Promise<void> {
    await this.writing;
    await this.writeNow();
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.isClosed = true;
    this.options.window.onFirst = null;
  }

  private begin(): void {
    this.beganAtMs = (this.options.now ?? Date.now)();
    this.dueAt = performance.now() + WRITE_AFTER_MS;
    this.writeIn(WRITE_AFTER_MS);
  }

  private writeIn(ms: number): void {
    if (this.isClosed || this.timer !== null || this.writing !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.writing = this.writeNow()
        .catch(() => {
          // An outage: the same write is tried again, and what is counted meanwhile after it.
        })
        .finally(() => {
          this.writing = null;
          if (this.waiting !== null) this.writeIn(AGAIN_AFTER_MS);
          // Counted while the write was under way.
          else if (this.beganAtMs !== null) this.writeIn(this.dueAt - performance.now());
        });
    }, ms);
  }

  /** @throws what `write` throws in an outage */
  private async writeNow(): Promise<void> {
    // Its reply was lost, or Valkey was away.
    if (this.waiting !== null) await this.write(this.waiting);
    const { window, gauges, now = Date.now } = this.options;
    const atMs = this.beganAtMs;
    if (atMs === null) return;
    const queues = await gauges();
    const change = window.take(queues);
    // What is counted from here on begins the next write.
    if (this.beganAtMs === atMs) this.beganAtMs = null;
    this.number += 1;
    this.waiting = { ...change, number: this.number, atMs: Math.min(atMs, now()) };
    await this.write(this.waiting);
  }

  private async write(write: SeriesWrite): Promise<void> {
    try {
      await this.options.write(write);
    } catch (error) {
      if (this.options.isOutage(error)) throw error;
      this.reportRefused(error);
    }
    this.waiting = null;
  }

  private reportRefused(error: unknown): void {
    const now = performance.now();
    if (now - this.reportedAt < REPORT_EVERY_MS) return;
    this.reportedAt = now;
    this.options.onRefused(error);
  }
}
