// Guarantee 8: what became of attempts is written after they are settled, in groups of its own, and
// may fail without consequence. Bounded: while Valkey is away the oldest entries are dropped.
import type { HealthChange, HealthState, HealthStore } from "../valkey/health-store.ts";
import { tagOf } from "../valkey/delivery-id.ts";
import { faultPoint } from "../fault-point.ts";
import type { AttemptToKeep, KeptStore } from "../valkey/kept-store.ts";
import type { LogStore } from "../valkey/log-store.ts";
import type { LogEntry } from "../wire/log-entry.ts";
import type { OwnerRef } from "../wire/owner.ts";
import type { WorkerLog } from "./worker-log.ts";

export interface AttemptRecord {
  owner: OwnerRef;
  webhookId: string;
  /** Called for those that are written: of a busy owner's attempts only the last ones are. */
  describe: () => Described;
  /** What it says about the webhook's health; `ignored`: an answer with Retry-After. */
  health: "success" | "failure" | "ignored";
}

export interface RecorderOptions {
  logs: LogStore;
  kept: KeptStore;
  health: HealthStore;
  logSize: number;
  log: WorkerLog;
  onHealth: (changes: readonly HealthChange[], states: readonly HealthState[]) => void;
}

export interface Described {
  entry: LogEntry;
  kept: AttemptToKeep;
}

const GROUP_MS = 100;
/** Successes alone change nothing but a time, so they are told together. */
const SUCCESSES_MS = 1_000;
const MOST_OWNERS = 10_000;
const MOST_KEYS_IN_SCRIPT = 200;

export class Recorder {
  private attempts = new Map<OwnerRef, (() => Described)[]>();
  private health = new Map<string, HealthChange>();
  private hasFailures = false;
  private healthWrittenAt = Number.NEGATIVE_INFINITY;
  private timer: Timer | null = null;
  private flushing: Promise<void> | null = null;
  private dropped = 0;

  constructor(private readonly options: RecorderOptions) {}

  add({ owner, webhookId, describe, health }: AttemptRecord): void {
    let entries = this.attempts.get(owner);
    if (!entries) {
      if (this.attempts.size >= MOST_OWNERS) {
        this.dropped += 1;
        return;
      }
      this.attempts.set(owner, (entries = []));
    }
    entries.push(describe);
    // Only the last ones would survive the trim; twice as many spares moving them each time.
    if (entries.length > this.options.logSize * 2) entries.splice(0, this.options.logSize);
    if (health !== "ignored") this.addHealth(webhookId, health);
    this.timer ??= setTimeout(() => this.start(), GROUP_MS);
  }

  /** Writes what is there; at the end of the process. */
  async flush(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    await this.flushing;
    this.healthWrittenAt = Number.NEGATIVE_INFINITY;
    this.start();
    await this.flushing;
  }

  private addHealth(webhookId: string, health: "success" | "failure"): void {
    const change = this.health.get(webhookId) ?? {
      webhookId,
      failures: 0,
      succeeded: false,
      failed: false,
    };
    if (health === "success") {
      change.succeeded = true;
      change.failures = 0;
    } else {
      change.failed = true;
      this.hasFailures = true;
      change.failures += 1;
    }
    this.health.set(webhookId, change);
  }

  private start(): void {
    this.timer = null;
    if (this.flushing) {
      // The group under way has to end first; what has gathered goes right after it.
      this.timer = setTimeout(() => this.start(), GROUP_MS);
      return;
    }
    this.flushing = this.write().finally(() => {
      this.flushing = null;
      if (this.health.size > 0) this.timer ??= setTimeout(() => this.start(), SUCCESSES_MS);
    });
  }

  private takeHealth(): HealthChange[] {
    const isDue = performance.now() - this.healthWrittenAt >= SUCCESSES_MS;
    if (!isDue && !this.hasFailures && this.health.size < MOST_OWNERS) return [];
    const health = [...this.health.values()];
    this.health = new Map();
    this.hasFailures = false;
    this.healthWrittenAt = performance.now();
    return health;
  }

  private async write(): Promise<void> {
    const attempts = [...this.attempts];
    const health = this.takeHealth();
    this.attempts = new Map();
    let unwritten = 0;
    try {
      for (const some of groups(attempts, MOST_KEYS_IN_SCRIPT)) {
        const group = some.map(
          ([owner, all]) =>
            [owner, all.slice(-this.options.logSize).map((describe) => describe())] as const,
        );
        unwritten += await this.options.logs.write(
          group.map(([owner, all]) => [owner, all.map(({ entry }) => entry)]),
        );
        unwritten += await this.options.kept.write(
          group.map(([, all]) => {
            const kept = all.map((one) => one.kept);
            // All of one owner: the name of each delivery begins with the owner's tag.
            return [tagOf(kept[0]?.header.delivery ?? ""), kept] as const;
          }),
        );
      }
      faultPoint("logged");
      for (const group of groups(health, MOST_KEYS_IN_SCRIPT)) {
        this.options.onHealth(group, await this.options.health.add(group));
      }
    } catch (error) {
      this.options.log.warn({ err: error, owners: attempts.length }, "log.dropped");
    }
    if (unwritten > 0) this.options.log.warn({ lists: unwritten }, "log.dropped");
    if (this.dropped > 0) {
      this.options.log.warn({ attempts: this.dropped }, "log.dropped");
      this.dropped = 0;
    }
  }
}

function* groups<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let i = 0; i < all.length; i += size) yield all.slice(i, i + size);
}
