// The attempts of all owners, as workers publish them: of a busy process a sample, failures first.
import { NO_COUNTS, readLive, type LiveAttempt, type LiveBatch } from "../wire/live.ts";
import { attemptsText, eventText, matchesFilter } from "./server-sent.ts";
import { broadcast, type Viewer } from "./viewer.ts";

/** What a viewer that comes back can be given. */
const MAX_REMEMBERED = 500;

const SKIPPED = eventText("skipped", {
  message: `of all owners, up to ${MAX_REMEMBERED} attempts are kept, while somebody looks`,
});

export class SharedFeed {
  readonly viewers = new Set<Viewer>();
  /** The newest last. */
  private recent: LiveAttempt[] = [];
  private counts = { ...NO_COUNTS };
  private shown = 0;
  private wasSilent = true;

  receive(text: string): void {
    const batch: LiveBatch = readLive(text);
    this.counts.delivered += batch.counts.delivered;
    this.counts.retry += batch.counts.retry;
    this.counts.parked += batch.counts.parked;
    this.shown += batch.attempts.length;
    this.recent.push(...batch.attempts);
    // Twice as many spare moving them with each message.
    if (this.recent.length > MAX_REMEMBERED * 2) this.recent = this.recent.slice(-MAX_REMEMBERED);
    broadcast(this.viewers, batch.attempts, matchesFilter, attemptsText);
  }

  /** Tells how many attempts the last second had; once more when they have ended. */
  endSecond(now: Date): void {
    const { delivered, retry, parked } = this.counts;
    const isSilent = delivered + retry + parked === 0;
    if (!isSilent || !this.wasSilent) {
      const second = { t: now.toISOString(), ...this.counts, shown: this.shown };
      const text = eventText("second", second);
      for (const viewer of this.viewers) viewer.sendText(text);
    }
    this.wasSilent = isSilent;
    this.counts = { ...NO_COUNTS };
    this.shown = 0;
  }

  missedSince(deliveryId: string, viewer: Viewer): string {
    const at = this.recent.findLastIndex((one) => one.delivery_id === deliveryId);
    const newer = this.recent.slice(at < 0 ? -MAX_REMEMBERED : at + 1);
    const wanted = newer.filter((one) => matchesFilter(one, viewer.filter));
    return (at < 0 ? SKIPPED : "") + attemptsText(wanted);
  }

  forget(): void {
    this.recent = [];
    this.counts = { ...NO_COUNTS };
    this.shown = 0;
    this.wasSilent = true;
  }
}
