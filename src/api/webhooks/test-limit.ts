// How often webhooks may be tested. A test is a request to an address that a user has named, at the
// moment that the user chooses: without a bound it is a cannon aimed at others. Per process.
import type { OwnerRef } from "../../wire/owner.ts";

const MOST_AT_A_TIME = 2;
/** For a test that is already under way: it ends with its receiver's answer. */
const RETRY_WHEN_BUSY_S = 5;
const MOST_IN_WINDOW = 20;
const WINDOW_MS = 60_000;
/** Guarantee 6: past this the owner whose window began first goes. */
const MOST_OWNERS = 10_000;

interface Window {
  tests: number;
  endsAtMs: number;
}

export type TestPermit =
  { granted: true; done: () => void } | { granted: false; retryAfterS: number; detail: string };

export class TestBudget {
  /** By owner, not by webhook: a hundred webhooks may lead to one address. */
  readonly #windows = new Map<OwnerRef, Window>();
  readonly #running = new Map<string, number>();

  /** `done` is to be called when the test has ended. */
  take(owner: OwnerRef, webhookId: string, nowMs: number): TestPermit {
    const running = this.#running.get(webhookId) ?? 0;
    if (running >= MOST_AT_A_TIME) {
      const detail = `${MOST_AT_A_TIME} tests of this webhook are under way`;
      return { granted: false, retryAfterS: RETRY_WHEN_BUSY_S, detail };
    }
    const window = this.#windowOf(owner, nowMs);
    if (window.tests >= MOST_IN_WINDOW) {
      const detail = `an owner's webhooks are tested ${MOST_IN_WINDOW} times a minute at most`;
      return {
        granted: false,
        retryAfterS: Math.ceil((window.endsAtMs - nowMs) / 1_000),
        detail,
      };
    }
    window.tests += 1;
    this.#running.set(webhookId, running + 1);
    return { granted: true, done: () => this.#done(webhookId) };
  }

  #done(webhookId: string): void {
    const left = (this.#running.get(webhookId) ?? 0) - 1;
    if (left > 0) this.#running.set(webhookId, left);
    else this.#running.delete(webhookId);
  }

  #windowOf(owner: OwnerRef, nowMs: number): Window {
    const current = this.#windows.get(owner);
    if (current && nowMs < current.endsAtMs) return current;
    this.#windows.delete(owner);
    const [oldest] = this.#windows.keys();
    if (oldest !== undefined && this.#windows.size >= MOST_OWNERS) this.#windows.delete(oldest);
    const window = { tests: 0, endsAtMs: nowMs + WINDOW_MS };
    this.#windows.set(owner, window);
    return window;
  }
}
