// Exports ended spans in groups, one request at a time. Bounded: while the collector is slow, at most
// MAX_WAITING spans wait, and no more are begun; what is lost is counted and logged.
import { ExportResultCode } from "@opentelemetry/core";
import { Losses } from "../losses.ts";
import type { ReadableSpan, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-base";

export interface BoundedExportOptions {
  exporter: SpanExporter;
  log: { warn(fields: object, event: string): void };
  /** Called with how many spans were lost, for a counter. */
  onDropped?: (spans: number) => void;
}

export const MAX_WAITING = 8_192;
const MAX_PER_EXPORT = 512;
/** How long a span waits for others. */
const WAIT_MS = 1_000;
const SAMPLED = 1;

export class BoundedExport implements SpanProcessor {
  private waiting: ReadableSpan[] = [];
  private exporting: Promise<void> | null = null;
  private timer: Timer | null = null;
  private readonly losses: Losses;

  constructor(private readonly options: BoundedExportOptions) {
    this.losses = new Losses(
      (spans, err) => options.log.warn({ spans, err }, "traces.dropped"),
      options.onDropped,
    );
  }

  /** False: a span that is begun now would be dropped. */
  get hasRoom(): boolean {
    return this.waiting.length < MAX_WAITING;
  }

  /** Counts a span that was not begun. */
  drop(): void {
    this.losses.add(1);
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & SAMPLED) === 0) return;
    if (!this.hasRoom) return this.drop();
    this.waiting.push(span);
    if (this.waiting.length >= MAX_PER_EXPORT) this.export();
    else this.timer ??= setTimeout(() => this.export(), WAIT_MS);
  }

  async forceFlush(): Promise<void> {
    while (this.waiting.length > 0 || this.exporting) {
      this.export();
      await this.exporting;
    }
  }

  /** Exports what waits, within `limitMs`; the rest is dropped and logged. */
  async stop(limitMs: number): Promise<void> {
    const { promise: passed, resolve } = Promise.withResolvers<void>();
    const limit = setTimeout(resolve, limitMs);
    await Promise.race([this.forceFlush(), passed]);
    clearTimeout(limit);
    this.stopTimer();
    this.losses.add(this.waiting.splice(0).length);
    this.losses.report(Number.POSITIVE_INFINITY);
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  private export(): void {
    this.stopTimer();
    if (this.exporting || this.waiting.length === 0) return;
    const group = this.waiting.splice(0, MAX_PER_EXPORT);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.exporting = promise;
    this.options.exporter.export(group, ({ code, error }) => {
      if (code !== ExportResultCode.SUCCESS) this.losses.add(group.length, error);
      this.exporting = null;
      resolve();
      this.losses.report(performance.now());
      if (this.waiting.length >= MAX_PER_EXPORT) this.export();
      else if (this.waiting.length > 0) this.timer ??= setTimeout(() => this.export(), WAIT_MS);
    });
  }

  private stopTimer(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }
}
