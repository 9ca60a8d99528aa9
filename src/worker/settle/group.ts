// Writes entries to Valkey in groups: what comes while a group is under way is the next group.

export interface GroupWriterOptions<Entry> {
  /** Takes the next group off the front of `pending`. Never empty where `pending` is not. */
  take: (pending: Entry[]) => Entry[];
  /** Writes one group. Never rejects. */
  write: (group: Entry[]) => Promise<void>;
  /** Under load a group waits up to this long until it has `enough` entries. */
  waitMs?: number;
  enough?: number;
  /** How long the first entry of an idle writer waits for `writeNow`; 0: it is written at once. */
  idleWaitMs?: () => number;
}

export class GroupWriter<Entry> {
  private readonly pending: Entry[] = [];
  private running: Promise<void> | null = null;
  private endIdleWait: (() => void) | null = null;
  private begun: (() => void)[] = [];

  constructor(private readonly options: GroupWriterOptions<Entry>) {}

  add(entry: Entry): void {
    this.pending.push(entry);
    this.running ??= this.run();
  }

  /**
   * Ends the wait of an idle writer: something else is being written that the entries can go with. Resolves when
   * `write` was called with them.
   */
  async writeNow(): Promise<void> {
    if (this.endIdleWait === null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun.push(resolve);
    this.endIdleWait();
    await promise;
  }

  get isBusy(): boolean {
    return this.running !== null;
  }

  /** Resolves when all that was added is written. */
  async whenIdle(): Promise<void> {
    while (this.running) await this.running;
  }

  private async run(): Promise<void> {
    const { take, write, waitMs = 0, enough = 0 } = this.options;
    await this.idleWait();
    for (let isBusy = false; this.pending.length > 0; isBusy = true) {
      // An idle writer writes at once.
      if (isBusy && this.pending.length < enough) await Bun.sleep(waitMs);
      const writing = write(take(this.pending));
      for (const begun of this.begun.splice(0)) begun();
      await writing;
    }
    // In the same turn as the last look at `pending`, so that nothing is added unseen.
    this.running = null;
  }

  private async idleWait(): Promise<void> {
    const ms = this.options.idleWaitMs?.() ?? 0;
    if (ms === 0) {
      // One turn of the event loop, so that what arrives together is written together.
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.endIdleWait = resolve;
    await promise;
    clearTimeout(timer);
    this.endIdleWait = null;
  }
}
