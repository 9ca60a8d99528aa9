// Lets the event loop run in between: a large body must not hold up deliveries and other requests.
import type { Steps } from "../../wire/steps.ts";

/** Long enough that pauses cost little, short enough that a turn with other work stays short. */
const MAX_TURN_MS = 5;

const waiting: (() => void)[] = [];

/** Resolves in a later turn of the event loop. One waiter has a turn: many large bodies add up else. */
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

/** Runs the steps and pauses between two of them where they take long. */
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
