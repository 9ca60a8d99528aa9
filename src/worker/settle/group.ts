// Writes entries to Valkey in groups: what comes while a group is under way is the next group.

export interface GroupWriterOptions<Entry> {
  /** Takes the next group off the front of `pending`. Never empty where `pending` is not. */
  take: (pending: Entry[]) => Entry[];
  /** Writes one group. Never rejects. */
  write: (group: Entry[]) => Promise<void>;
  /** Under load a group waits up to this long until it has `enough` entries. */
  waitMs?: number;
  enough?: number;
  /** How long the next group waits for `writeNow` instead; 0: an idle writer writes at once. */
  patienceMs?: () => number;
}

export class GroupWriter<Entry> {
  private readonly pending: Entry[] = [];
  private running: Promise<void> | null = null;
  private endWait: (() => void) | null = null;
  private waitsSinceMs = 0;
  private begun: (() => void)[] = [];

  constructor(private readonly options: GroupWriterOptions<Entry>) {}

  add(entry: Entry): void {
    this.pending.push(entry);
    if (this.running === null) this.running = this.run();
    else if (this.endWait !== null && this.hasEnough) this.endWait();
  }

  /** True while entries wait for `writeNow`. */
  get isWaiting(): boolean {
    return this.endWait !== null;
  }

  /** How long they have waited. */
  get waitedMs(): number {
    return this.isWaiting ? performance.now() - this.waitsSinceMs : 0;
  }

  /**
   * Ends the wait of a patient writer: something else is being written that the entries can go with. Resolves when
   * `write` was called with them.
   */
  async writeNow(): Promise<void> {
    if (this.endWait === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun.push(resolve);
    this.endWait();
    await promise;
  }

  get isBusy(): boolean {
    return this.running !== null;
  }

  /** Resolves when all that was added is written. */
  async whenIdle(): Promise<void> {
    while (this.running) await this.running;
  }

  private get hasEnough(): boolean {
    return this.pending.length >= (this.options.enough ?? 0);
  }

  private async run(): Promise<void> {
    const { take, write } = this.options;
    for (let isBusy = false; this.pending.length > 0; isBusy = true) {
      await this.waitForOthers(isBusy);
      const writing = write(take(this.pending));
      for (const begun of this.begun.splice(0)) begun();
      await writing;
    }
    // In the same turn as the last look at `pending`, so that nothing is added unseen.
    this.running = null;
  }

  private async waitForOthers(isBusy: boolean): Promise<void> {
    const { waitMs = 0, patienceMs } = this.options;
    const ms = patienceMs?.() ?? 0;
    if (ms > 0) {
      if (this.hasEnough) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, ms);
      this.endWait = resolve;
      this.waitsSinceMs = performance.now();
      await promise;
      clearTimeout(timer);
      this.endWait = null;
    } else if (!isBusy) {
      // One turn of the event loop, so that what arrives together is written together.
      await new Promise((resolve) => setImmediate(resolve));
    } else if (!this.hasEnough) {
      await Bun.sleep(waitMs);
    }
  }
}
