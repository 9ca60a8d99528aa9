// Offers events at times fixed beforehand, whatever becomes of them: a sender that falls behind
// meets a growing queue, not a producer that waits for it (no coordinated omission).
import { quantile } from "./measure.ts";

export interface Offer {
  perSecond: number;
  seconds: number;
}

/** `push` is not waited for. Answers how late the pushes were themselves, in ms at the 99th of 100. */
export async function offer(
  { perSecond, seconds }: Offer,
  push: (first: number, count: number) => void,
): Promise<number> {
  const total = perSecond * seconds;
  const startedAt = performance.now();
  const latenessMs: number[] = [];
  for (let sent = 0; sent < total;) {
    const elapsedMs = performance.now() - startedAt;
    const due = Math.min(total, Math.floor((elapsedMs * perSecond) / 1_000) + 1);
    if (due > sent) {
      latenessMs.push(elapsedMs - (sent / perSecond) * 1_000);
      push(sent, due - sent);
      sent = due;
    }
    await Bun.sleep(1);
  }
  return quantile(
    latenessMs.toSorted((a, b) => a - b),
    0.99,
  );
}
