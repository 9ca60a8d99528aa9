// Wakes the one loop that sleeps on it. A notification that comes while the loop is awake is kept, so
// nothing that happens between its last look and its sleep is missed.

export class WakeUp {
  private isNotified = false;
  private resolve: (() => void) | null = null;

  notify(): void {
    this.isNotified = true;
    this.resolve?.();
  }

  /** Forgets a notification: the loop is about to look at everything anyway. */
  clear(): void {
    this.isNotified = false;
  }

  /** Resolves when notified, at once if it was since the last `clear`, or after `ms`. */
  async wait(ms: number): Promise<void> {
    if (this.isNotified) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.resolve = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.resolve = null;
  }
}
