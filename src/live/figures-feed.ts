// The figures of the service, for viewers of an overview: read once for all of them, every two seconds, and not at
// all while nobody looks.
import { eventText } from "./server-sent.ts";
import type { Viewer } from "./viewer.ts";

/** As `GET /v1/stats` and `GET /v1/series` answer; of the series, the newest steps. */
export interface Figures {
  stats: object;
  series: object;
}

export interface FiguresFeedOptions {
  read: () => Promise<Figures>;
  /** Called where a look fails; the next one tries again. */
  onError: (error: unknown) => void;
}

const EVERY_S = 2;
const encoder = new TextEncoder();

export class FiguresFeed {
  readonly viewers = new Set<Viewer>();
  private seconds = 0;
  private isReading = false;

  constructor(private readonly options: FiguresFeedOptions) {}

  /** Returns the figures as events. @throws ValkeyUnavailable */
  async look(): Promise<string> {
    const { stats, series } = await this.options.read();
    return eventText("stats", stats) + eventText("series", series);
  }

  /** Called each second. */
  tick(): void {
    this.seconds += 1;
    if (this.viewers.size === 0 || this.isReading || this.seconds % EVERY_S !== 0) return;
    this.isReading = true;
    this.look()
      .then((text) => this.send(text), this.options.onError)
      .finally(() => (this.isReading = false));
  }

  private send(text: string): void {
    const chunk = encoder.encode(text);
    for (const viewer of this.viewers) if (viewer.isReady) viewer.send(chunk, 2);
  }
}
