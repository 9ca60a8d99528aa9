// What others make of the same answers: node's own parser and curl, one process each.

export interface JudgeVerdict {
  /** Null where it saw no answer that it accepts. */
  status: number | null;
  /** What it calls the fault. */
  code: string | null;
  /** The answer was read to its end, and nothing was wrong with it. */
  isWhole: boolean;
}

export async function nodeVerdicts(
  port: number,
  count: number,
  how: "strict" | "lenient",
): Promise<JudgeVerdict[]> {
  const script = new URL("node-judge.mjs", import.meta.url).pathname;
  const output = await run(["node", script, String(port), String(count), how]);
  const verdicts: JudgeVerdict[] = [];
  for (const line of output.trim().split("\n")) {
    const { index, ...verdict } = JSON.parse(line) as JudgeVerdict & { index: number };
    verdicts[index] = verdict;
  }
  return verdicts;
}

/** curl(1), "EXIT CODES": what befalls a body after its head was accepted. */
const BODY_FAULTS = new Set([0, 18, 23, 56, 61]);

const CURL =
  String.raw`curl --disable --silent --http1.1 --noproxy * --max-time 10 --data {} --output /dev/null --write-out`
    .split(" ")
    .concat(String.raw`%{url} %{http_code} %{exitcode}\n`);

/** Two at once, one per processor of a small machine. */
const CURLS = 2;

export async function curlVerdicts(port: number, count: number): Promise<JudgeVerdict[]> {
  const share = Math.ceil(count / CURLS);
  const verdicts: JudgeVerdict[] = [];
  const askFrom = async (first: number, end: number) => {
    // curl(1) takes "a libcurl function was given a bad argument" (43) for a fault of its own and
    // gives the other URLs up; some answers cause it.
    for (let next = first; next < end;) {
      const output = await run([...CURL, `http://127.0.0.1:${port}/[${next}-${end - 1}]`]);
      const before = next;
      for (const [, index, status, exit] of output.matchAll(/\/(\d+) (\d{3}) (\d+)$/gm)) {
        next = Number(index) + 1;
        const isAccepted = BODY_FAULTS.has(Number(exit)) && Number(status) > 0;
        verdicts[Number(index)] = {
          status: isAccepted ? Number(status) : null,
          code: exit === "0" ? null : `curl ${exit}`,
          isWhole: exit === "0",
        };
      }
      if (next === before) throw new Error(`curl says nothing of answer ${next}: ${output}`);
    }
  };
  await Promise.all(
    Array.from({ length: CURLS }, (_, n) => askFrom(n * share, Math.min(count, (n + 1) * share))),
  );
  return verdicts;
}

async function run(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" });
  const output = await new Response(child.stdout).text();
  await child.exited;
  return output;
}
