// Polls for what has no event to await: a key in Valkey, a process that is gone.

/** `undefined` means that assertions held, so a check that merely found nothing yet must say null. */
type SaysNullForNotYet<Check extends () => unknown> =
  undefined extends Awaited<ReturnType<Check>>
    ? [Awaited<ReturnType<Check>>] extends [void]
      ? unknown
      : "eventually: undefined would pass; return null (`?? null`) for not yet"
    : unknown;

type Found<Check extends () => unknown> = Exclude<
  Awaited<ReturnType<Check>>,
  null | false | 0 | 0n | ""
>;

/**
 * Runs `check` with short growing pauses until it neither throws nor answers null, false, 0 or "",
 * and gives its value. Assertions work as they are: `eventually(() => expect(seen).toEqual([1]))`.
 */
export async function eventually<Check extends () => unknown>(
  check: Check & SaysNullForNotYet<Check>,
  { withinMs = 10_000 }: { withinMs?: number } = {},
): Promise<Found<Check>> {
  const giveUpAt = performance.now() + withinMs;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    let last: { value: unknown } | { error: unknown };
    try {
      last = { value: await check() };
      if (last.value === undefined || last.value) return last.value as Found<Check>;
    } catch (error) {
      last = { error };
    }
    if (performance.now() >= giveUpAt) throw timedOut(withinMs, last);
    await Bun.sleep(pauseMs);
  }
}

function timedOut(withinMs: number, last: { value: unknown } | { error: unknown }): Error {
  if ("value" in last) {
    return new Error(`not within ${withinMs} ms; the last value was ${Bun.inspect(last.value)}`);
  }
  const { error } = last;
  const reason = error instanceof Error ? error.message : Bun.inspect(error);
  return new Error(`not within ${withinMs} ms; the last check threw: ${reason}`, { cause: error });
}
