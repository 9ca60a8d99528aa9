// Guarantee 8: log entries, kept bodies and health are written after the settlement, in groups of their
// own, and may fail without consequence. Bounded: what cannot be written, or is too much to wait, is
// dropped and counted.
import type { StoreLink } from "../../valkey/connection/link.ts";
import type { HealthChange, HealthStore } from "../../valkey/webhooks/health-store.ts";
import { faultPoint } from "../../fault-point.ts";
import type { AttemptToStore, BodyStore } from "../../valkey/history/body-store.ts";
import type { LogStore } from "../../valkey/history/log-store.ts";
import type { RecentEntries } from "../../valkey/history/recent-lists.ts";
import type { WebhookId } from "../../wire/ids.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import type { OwnerRef } from "../../wire/owner.ts";
import type { WorkerLog } from "../../log.ts";
import type { Counters } from "../../stats/counters.ts";
import type { Disabler } from "./disable.ts";
import { HealthLog } from "./health-log.ts";
import { dueAt, takeDue, type Waiting } from "./take-due.ts";

export interface LoggedAttempt {
  owner: OwnerRef;
  webhookId: WebhookId;
  /** Called for those that are written: of a busy owner's attempts only the last ones are. */
  toEntry: () => AttemptToLog;
  /** What it says about the webhook's health; `ignored`: an answer with Retry-After. */
  health: "success" | "failure" | "ignored";
  /** The entry waits for this, which never rejects: the rest of the answer's body. Null: for nothing. */
  waitFor?: Promise<unknown> | null;
}

export interface AttemptLoggerOptions {
  logs: LogStore;
  bodies: BodyStore;
  /** Returns the keys of the lists that could not be written, `via` another connection than the usual one or not. */
  write: (lists: readonly RecentEntries[], via?: StoreLink) => Promise<string[]>;
  health: HealthStore;
  logSize: number;
  log: WorkerLog;
  disabler: Pick<Disabler, "apply">;
  counters?: Counters;
}

export interface AttemptToLog {
  entry: LogEntry;
  body: AttemptToStore;
}

/** How long an attempt waits for others of the same owner. */
const WAIT_MS = 100;
/**
 * The same while attempts follow each other sooner than this. An owner's log keeps the last ten, so of a busy
 * owner's most are then never written, and the others in one script a second (measured: docs/performance.md).
 */
const BUSY_WAIT_MS = 1_000;
const BUSY_INTERVAL_MS = 20;
/** The weight of the newest interval in their average. */
const NEWEST_SHARE = 1 / 8;
/** More entries than this wait no longer than those of a process that is not busy: about 10 MB. */
const MAX_BUSY_ENTRIES = 4_000;
/**
 * Many entries are written in 10 ms slices: all at once would delay deliveries (measured: commit 6465f05; those of
 * 100 busy owners together took 20 ms, docs/performance.md). As many as fit into one script are written together, for
 * each script costs Valkey and this process a wake-up.
 */
const TICK_MS = 10;
/** What is as late as this does not wait for the next tick. */
const LATE_MS = 100;
/** Behind settlements of their own entries are written at most this often; more of them are better written together. */
const MIN_BETWEEN_ALONG_MS = 20;
/** Scripts under way. */
const MAX_AT_ONCE = 8;
/** Keys in one log line. */
const MAX_KEYS_LOGGED = 5;
/** Owners that wait, and attempts whose answer is still read. */
const MAX_WAITING = 10_000;

interface WaitingAttempts extends Waiting {
  toEntries: (() => AttemptToLog)[];
}

export class AttemptLogger {
  /** In the order in which they began to wait. */
  private readonly attempts = new Map<OwnerRef, WaitingAttempts>();
  private readonly incomplete = new Set<LoggedAttempt>();
  private readonly health: HealthLog;
  private readonly writing = new Set<Promise<void>>();
  private timer: Timer | null = null;
  private timerAtMs = Number.POSITIVE_INFINITY;
  private wroteAlongMs = Number.NEGATIVE_INFINITY;
  private addedAtMs = Number.NEGATIVE_INFINITY;
  /** Between two attempts, on average. */
  private intervalMs = BUSY_WAIT_MS;
  /** In `attempts`. */
  private entries = 0;
  private dropped = 0;
  private unwritten: string[] = [];
  private failed: { err: unknown; owners: number } | null = null;

  constructor(private readonly options: AttemptLoggerOptions) {
    this.health = new HealthLog(options.health, options.disabler);
  }

  add(logged: LoggedAttempt): void {
    const { waitFor = null, health, webhookId } = logged;
    if (health !== "ignored") this.tickAt(this.health.add(webhookId, health, performance.now()));
    if (waitFor === null || this.incomplete.size >= MAX_WAITING) {
      this.addEntry(logged);
      return;
    }
    this.incomplete.add(logged);
    void waitFor.then(() => {
      if (this.incomplete.delete(logged)) this.addEntry(logged);
    });
  }

  private addEntry({ owner, toEntry }: LoggedAttempt): void {
    const { logSize } = this.options;
    const nowMs = performance.now();
    const intervalMs = Math.min(nowMs - this.addedAtMs, BUSY_WAIT_MS);
    this.intervalMs += (intervalMs - this.intervalMs) * NEWEST_SHARE;
    this.addedAtMs = nowMs;
    const waiting = this.attempts.get(owner);
    if (waiting) {
      const { toEntries } = waiting;
      toEntries.push(toEntry);
      this.entries += 1;
      // Only the last ones would survive the trim; twice as many spares moving them each time.
      if (toEntries.length > logSize * 2) this.entries -= toEntries.splice(0, logSize).length;
    } else if (this.attempts.size >= MAX_WAITING) {
      this.dropped += 1;
      return;
    } else {
      this.attempts.set(owner, { sinceMs: nowMs, toEntries: [toEntry] });
      this.entries += 1;
      this.tickAt(nowMs + this.entriesWaitMs);
    }
    if (this.entries === MAX_BUSY_ENTRIES) this.tickAt(nowMs + TICK_MS);
  }

  private get entriesWaitMs(): number {
    const isBusy = this.intervalMs < BUSY_INTERVAL_MS && this.entries < MAX_BUSY_ENTRIES;
    return isBusy ? BUSY_WAIT_MS : WAIT_MS;
  }

  /**
   * Writes the entries that wait in the same write as a settlement, behind it. At low rates that saves a request, its
   * reply and a timer for each delivery.
   */
  writeAlong(via?: StoreLink): void {
    const nowMs = performance.now();
    const isTooSoon = nowMs - this.wroteAlongMs < MIN_BETWEEN_ALONG_MS;
    if (this.attempts.size === 0 || isTooSoon || this.writing.size >= MAX_AT_ONCE) return;
    this.wroteAlongMs = nowMs;
    const attempts = this.takeEntries(nowMs, 0);
    this.start(this.writeAttempts(attempts, via), attempts.length);
    this.stopTimer();
    this.tickForAll();
  }

  /** Writes everything; at the end of the process. */
  async flush(): Promise<void> {
    for (const logged of this.incomplete) this.addEntry(logged);
    this.incomplete.clear();
    do {
      this.write(Number.POSITIVE_INFINITY);
      await Promise.all(this.writing);
    } while (this.attempts.size + this.health.size > 0);
    this.reportDropped();
    this.stopTimer();
  }

  private tickAt(atMs: number): void {
    if (atMs >= this.timerAtMs) return;
    this.stopTimer();
    this.timerAtMs = atMs;
    this.timer = setTimeout(() => this.tick(), Math.max(TICK_MS, atMs - performance.now()));
  }

  private stopTimer(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.timerAtMs = Number.POSITIVE_INFINITY;
  }

  private tick(): void {
    this.stopTimer();
    this.write(performance.now());
    this.reportDropped();
    this.tickForAll();
  }

  private tickForAll(): void {
    this.tickAt(Math.min(dueAt(this.attempts, this.entriesWaitMs), this.health.dueAtMs));
  }

  /** Writes what is due by `nowMs`, as far as Valkey keeps up. */
  private write(nowMs: number): void {
    let waitMs = this.entriesWaitMs;
    while (this.writing.size < MAX_AT_ONCE) {
      const attempts = this.takeEntries(nowMs, waitMs);
      waitMs = this.entriesWaitMs + LATE_MS;
      if (attempts.length > 0) this.start(this.writeAttempts(attempts), attempts.length);
      const changes = this.health.takeDue(nowMs);
      if (changes.length > 0) this.start(this.writeHealth(changes), 0);
      if (attempts.length + changes.length === 0) return;
    }
  }

  private takeEntries(nowMs: number, waitMs: number): [OwnerRef, WaitingAttempts][] {
    const { logSize } = this.options;
    const due = takeDue(this.attempts, nowMs, waitMs, ({ toEntries }) =>
      Math.min(toEntries.length, logSize),
    );
    for (const [, { toEntries }] of due) this.entries -= toEntries.length;
    return due;
  }

  private start(write: Promise<void>, owners: number): void {
    const written = write
      .catch((error: unknown) => {
        this.failed = { err: error, owners: (this.failed?.owners ?? 0) + owners };
        this.tickAt(performance.now() + WAIT_MS);
      })
      .finally(() => this.writing.delete(written));
    this.writing.add(written);
  }

  private async writeAttempts(
    group: readonly [OwnerRef, WaitingAttempts][],
    via?: StoreLink,
  ): Promise<void> {
    const { write, logs, bodies, logSize } = this.options;
    const lists: RecentEntries[] = [];
    for (const [owner, { toEntries }] of group) {
      const last = toEntries.slice(-logSize).map((toEntry) => toEntry());
      const entries = last.map(({ entry }) => entry);
      lists.push(logs.entriesOf(owner, entries), bodies.entriesOf(last.map((one) => one.body)));
    }
    const unwritten = await write(lists, via);
    faultPoint("logged");
    this.reportUnwritten(unwritten);
  }

  private async writeHealth(changes: readonly HealthChange[]): Promise<void> {
    this.reportUnwritten(await this.health.write(changes));
  }

  private reportUnwritten(keys: readonly string[]): void {
    if (keys.length === 0) return;
    this.unwritten.push(...keys);
    this.tickAt(performance.now() + WAIT_MS);
  }

  private reportDropped(): void {
    const { log, counters } = this.options;
    if (counters) {
      counters.logEntriesDropped +=
        this.dropped + this.unwritten.length + (this.failed?.owners ?? 0);
    }
    if (this.failed) log.warn(this.failed, "log.dropped");
    if (this.unwritten.length > 0) {
      const { length } = this.unwritten;
      log.warn({ lists: length, keys: this.unwritten.slice(0, MAX_KEYS_LOGGED) }, "log.dropped");
    }
    if (this.dropped > 0) log.warn({ attempts: this.dropped }, "log.dropped");
    this.failed = null;
    this.unwritten = [];
    this.dropped = 0;
  }
}
