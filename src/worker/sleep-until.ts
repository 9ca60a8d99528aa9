// A limit of time that is waited for beside something else, and cleared where that was faster.

export function sleepUntil(ms: number): { passed: Promise<void>; clear: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  return {
    passed: promise,
    clear: () => clearTimeout(timer),
  };
}
