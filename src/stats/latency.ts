// Buckets of latencies on a logarithmic scale, four to each doubling. Their bounds are fixed, so histograms of
// several processes and of several steps merge by adding, and a percentile of the sum is as exact as of one.

const BUCKETS_PER_DOUBLING = 4;
/** The first bucket ends at 1/16 ms and everything faster is in it too. */
const DOUBLINGS_BELOW_1_MS = 4;
/** The last bucket begins at 55 s. */
const DOUBLINGS_ABOVE_1_MS = 16;
const FIRST = BUCKETS_PER_DOUBLING * DOUBLINGS_BELOW_1_MS;

export const LATENCY_BUCKETS = FIRST + BUCKETS_PER_DOUBLING * DOUBLINGS_ABOVE_1_MS;

/** Returns the bucket of a latency. */
export function bucketOf(ms: number): number {
  if (!(ms > 0)) return 0;
  const bucket = FIRST + Math.floor(Math.log2(ms) * BUCKETS_PER_DOUBLING);
  if (bucket < 0) return 0;
  return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

/** The ratio of a bucket's bounds. */
const GAMMA = 2 ** (1 / BUCKETS_PER_DOUBLING);

/**
 * Returns the latency in ms that stands for a bucket. It differs from every latency in the bucket by at most
 * (γ−1)/(γ+1) = 8.7 %, the least that is possible (Masson et al., "DDSketch", VLDB 2019, lemma 2).
 */
function valueOf(bucket: number): number {
  const lower = GAMMA ** (bucket - FIRST);
  return (2 * GAMMA * lower) / (GAMMA + 1);
}

/** Returns the percentile in ms; null if nothing was counted. `share` is 0.95 for the 95th. */
export function percentile(counts: ArrayLike<number>, share: number): number | null {
  let total = 0;
  for (let at = 0; at < counts.length; at += 1) total += counts[at] ?? 0;
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(share * total));
  let seen = 0;
  for (let at = 0; at < counts.length; at += 1) {
    seen += counts[at] ?? 0;
    if (seen >= rank) return valueOf(at);
  }
  return null;
}
