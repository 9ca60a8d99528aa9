// Long computations that can pause. The API lets other work run between two steps. The SDK runs all
// steps at once.

/** Computes a `T`. At each `yield` the caller may let other work run. */
export type Steps<T> = Generator<undefined, T, undefined>;

/** Runs all steps without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}
