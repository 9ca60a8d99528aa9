// The pause before something is tried again: it grows, and is spread, so that many who failed together
// do not come back together.

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/** Milliseconds before attempt `attempt` (the second is the first with one); never less than asked. */
export function pauseMsBefore(attempt: number, atLeastMs: number | null = null): number {
  const longest = Math.min(FIRST_PAUSE_MS * 2 ** (attempt - 2), LONGEST_PAUSE_MS);
  return (atLeastMs ?? 0) + longest * (0.5 + Math.random() / 2);
}

/** @throws the signal's `reason` as soon as it is aborted. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const done = () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    };
    const timer = setTimeout(done, ms);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
