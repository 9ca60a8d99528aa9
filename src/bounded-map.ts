/**
 * Keeps a map that is used as a cache below `most`: an eighth of them at a time, the oldest first. One
 * at a time, each look at the first entry would walk over all that were deleted before it (measured).
 */
export function forgetOldest(cache: Map<unknown, unknown>, most: number): void {
  if (cache.size < most) return;
  let left = Math.ceil(most / 8);
  for (const oldest of cache.keys()) {
    cache.delete(oldest);
    left -= 1;
    if (left === 0) return;
  }
}
