// How long the oldest element of a list has waited at least. An element does not say when it was
// pushed, but the count of those taken off the list and its length do: what was the newest at an
// earlier look and has not been taken yet has waited since then.

interface Look {
  at: number;
  /** The number of the newest element then, counted from the first ever taken. */
  newest: number;
}

const LOOKS_KEPT = 900;

export class QueueAge {
  private looks: Look[] = [];
  private taken = 0;

  /** `taken`: elements ever taken off the list, where it has any now. Returns the age in ms. */
  look(taken: number, length: number, now = performance.now()): number {
    if (length === 0) {
      this.looks = [];
      return 0;
    }
    // The counter started over (its TTL): earlier numbers say nothing any more.
    if (taken < this.taken) this.looks = [];
    this.taken = taken;
    const firstWaiting = this.looks.findIndex((look) => look.newest > taken);
    if (firstWaiting < 0) this.looks = [];
    else if (firstWaiting > 0) this.looks.splice(0, firstWaiting);
    this.looks.push({ at: now, newest: taken + length });
    // Of many looks the first is the one that counts; the last ones follow it.
    if (this.looks.length > LOOKS_KEPT) this.looks.splice(1, LOOKS_KEPT / 2);
    return now - (this.looks[0]?.at ?? now);
  }
}
