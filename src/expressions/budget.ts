// The work that all filters of one event may take together. An owner may have many webhooks, and the event loop
// does nothing else while their filters run.
import { MAX_EVENT_STEPS, MAX_STEPS, MIN_FILTER_STEPS } from "./limits.ts";

/** Counted in the steps of the meter, and not by a clock: the same event gets the same verdicts. */
export class Budget {
  #left = MAX_EVENT_STEPS;

  /** Returns what the next filter may take: a little also when others have used up the rest. */
  get allowance(): number {
    return Math.min(MAX_STEPS, Math.max(this.#left, MIN_FILTER_STEPS));
  }

  spend(steps: number): void {
    this.#left -= steps;
  }
}
