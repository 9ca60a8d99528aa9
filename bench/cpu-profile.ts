// The functions that a profile in V8's format (`bun --cpu-prof`) has most samples of.

export interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
  }[];
  /** The node on top of the stack at each sample. */
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

export interface FunctionTime {
  name: string;
  where: string;
  /** Of all time that was sampled, in the function itself. */
  share: number;
}

/** Longer gaps are waits: no sample is taken while the process sleeps. */
const LONGEST_SAMPLE_US = 5_000;

/** Functions by the time in themselves, the longest first. */
export function hottest({ nodes, samples, timeDeltas }: CpuProfile): FunctionTime[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const microseconds = new Map<string, { name: string; where: string; spent: number }>();
  let all = 0;
  for (const [i, node] of samples.entries()) {
    const spent = Math.min(LONGEST_SAMPLE_US, timeDeltas[i] ?? 0);
    all += spent;
    const { functionName, url, lineNumber } = frames.get(node) ?? {
      functionName: "",
      url: "",
      lineNumber: -1,
    };
    const name = functionName === "" ? "(anonymous)" : functionName;
    const file = url.replace(/^.*\/((?:src|node_modules)\/)/, "$1");
    // Lines count from 0 in this format.
    const where = file === "" ? "" : `${file}:${lineNumber + 1}`;
    const key = `${name} ${where}`;
    const one = microseconds.get(key) ?? { name, where, spent: 0 };
    one.spent += spent;
    microseconds.set(key, one);
  }
  return [...microseconds.values()]
    .toSorted((a, b) => b.spent - a.spent)
    .map(({ name, where, spent }) => ({ name, where, share: spent / all }));
}
