// Limits how often webhooks may be tested, per process. A test sends a request to an address and at a time
// that a user chooses: without a limit, it could be used to flood a third party.
import type { OwnerRef } from "../../wire/owner.ts";
import { FixedWindow } from "../../fixed-window.ts";

const MAX_RUNNING = 2;
/** While tests are running: they end when their receiver answers. */
const RETRY_WHEN_BUSY_S = 5;
const MAX_PER_WINDOW = 20;
const WINDOW_MS = 60_000;
const MAX_OWNERS = 10_000;

export type TestPermit =
  { granted: true; done: () => void } | { granted: false; retryAfterS: number; detail: string };

export class TestLimit {
  /** By owner, not by webhook: a hundred webhooks may have the same address. */
  readonly #windows = new FixedWindow<OwnerRef>(WINDOW_MS, MAX_OWNERS);
  readonly #running = new Map<string, number>();

  /** Grants or refuses a test. The caller calls `done` when the test has ended. */
  take(owner: OwnerRef, webhookId: string, nowMs: number): TestPermit {
    const running = this.#running.get(webhookId) ?? 0;
    if (running >= MAX_RUNNING) {
      const detail = `${MAX_RUNNING} tests of this webhook are already running`;
      return { granted: false, retryAfterS: RETRY_WHEN_BUSY_S, detail };
    }
    const { count, retryAfterS } = this.#windows.count(owner, nowMs);
    if (count > MAX_PER_WINDOW) {
      const detail = `the webhooks of an owner can be tested at most ${MAX_PER_WINDOW} times a minute`;
      return { granted: false, retryAfterS, detail };
    }
    this.#running.set(webhookId, running + 1);
    return { granted: true, done: () => this.#done(webhookId) };
  }

  #done(webhookId: string): void {
    const left = (this.#running.get(webhookId) ?? 0) - 1;
    if (left > 0) this.#running.set(webhookId, left);
    else this.#running.delete(webhookId);
  }
}
