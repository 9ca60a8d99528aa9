// The attempts of one owner, from its public log: read once for all that look, however many they are. Nothing
// on the worker's side knows of it, and it cannot show another owner's attempts: the key is the owner's.
import { BoundedMap } from "../bounded-map.ts";
import type { LogStore } from "../valkey/history/log-store.ts";
import { ownerFields, type LiveAttempt } from "../wire/live.ts";
import type { LogEntry } from "../wire/log-entry.ts";
import type { OwnerRef } from "../wire/owner.ts";
import { attemptsText, eventText, matchesFilter } from "./server-sent.ts";
import { broadcast, type Viewer } from "./viewer.ts";

const LOOK_EVERY_MS = 500;
/** Entries that are remembered as seen, in logs. */
const LOGS_REMEMBERED = 20;

export interface OwnerFeedOptions {
  logs: Pick<LogStore, "readIfChanged" | "size">;
  onError: (error: unknown) => void;
  lookEveryMs?: number;
}

export class OwnerFeed {
  readonly viewers = new Set<Viewer>();
  /** Of the last look, the newest first. */
  private attempts: LiveAttempt[] = [];
  private newest: Buffer | null = null;
  private readonly seen: BoundedMap<string, true>;
  private hasLooked = false;
  private looking: Promise<void> | null = null;
  private timer: Timer | null = null;
  private isClosed = false;

  constructor(
    private readonly owner: OwnerRef,
    private readonly options: OwnerFeedOptions,
  ) {
    this.seen = new BoundedMap(options.logs.size * LOGS_REMEMBERED);
  }

  /** Reads the log, and sends what is new to those that look already. @throws ValkeyUnavailable */
  look(): Promise<void> {
    this.looking ??= this.read().finally(() => (this.looking = null));
    return this.looking;
  }

  /** Looks again and again until `close`. */
  start(): void {
    if (this.timer !== null || this.isClosed) return;
    this.timer = setTimeout(() => {
      this.look()
        .catch(this.options.onError)
        .finally(() => {
          this.timer = null;
          this.start();
        });
    }, this.options.lookEveryMs ?? LOOK_EVERY_MS);
  }

  close(): void {
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
  }

  /** Returns what a viewer that had seen this attempt has missed, as text; an unknown one may have missed more. */
  missedSince(deliveryId: string, viewer: Viewer): string {
    const at = this.attempts.findIndex((one) => one.delivery_id === deliveryId);
    const newer = (at < 0 ? this.attempts : this.attempts.slice(0, at)).toReversed();
    const wanted = newer.filter((one) => matchesFilter(one, viewer.filter));
    return (at < 0 ? this.skippedText() : "") + attemptsText(wanted);
  }

  private async read(): Promise<void> {
    const changed = await this.options.logs.readIfChanged(this.owner, this.newest);
    const isFirst = !this.hasLooked;
    this.hasLooked = true;
    if (changed === null) return;
    this.newest = changed.newest;
    const owner = ownerFields(this.owner);
    this.attempts = changed.entries
      .filter(isAttempt)
      .map((entry): LiveAttempt => ({ ...entry, ...owner }));
    const fresh = this.attempts.filter(({ delivery_id }) => !this.seen.has(delivery_id));
    for (const { delivery_id } of fresh) this.seen.set(delivery_id, true);
    if (isFirst) return;
    // The log has room for so many: if all are new, older new ones may have fallen out between two looks.
    if (fresh.length >= this.options.logs.size)
      for (const viewer of this.viewers) viewer.sendText(this.skippedText());
    broadcast(this.viewers, fresh.toReversed(), matchesFilter, attemptsText);
  }

  private skippedText(): string {
    const { size } = this.options.logs;
    return eventText("skipped", { message: `the log keeps ${size} attempts; there were more` });
  }
}

/** Elements that another program put into the log have no id. */
function isAttempt({ delivery_id }: LogEntry): boolean {
  return delivery_id !== "";
}
