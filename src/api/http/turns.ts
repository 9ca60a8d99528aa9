// Splits long work into turns of the event loop: a large body must not delay deliveries and other requests.
import type { Steps } from "../../wire/steps.ts";

/** Long enough that pauses cost little, short enough that other work is not delayed. */
const MAX_TURN_MS = 5;

const waiting: (() => void)[] = [];

/** Resolves in a later turn of the event loop, one waiter per turn: else many large bodies would add up. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(wakeOne);
  });
}

function wakeOne(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(wakeOne);
}

/** Runs the steps, and pauses between two of them when a turn has taken `MAX_TURN_MS`. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  let pauseAt = performance.now() + MAX_TURN_MS;
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() < pauseAt) continue;
    await nextTurn();
    pauseAt = performance.now() + MAX_TURN_MS;
  }
}
