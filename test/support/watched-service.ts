// `fluxhook serve` with every byte that it prints kept, for tests that look for what must not be
// there. `service.ts` reads its log lines only.
import { join } from "node:path";
import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import { eventually } from "./eventually.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
const THROW_ON_SIGNAL = join(import.meta.dir, "throw-on-signal.ts");

export interface WatchedService extends AsyncDisposable {
  url: string;
  printed: { stdout: string; stderr: string };
  signal(signal: NodeJS.Signals): void;
  /** When all that it printed is there. */
  exited: Promise<{ exitCode: number; signal: string | number | null }>;
}

/** Ready when this resolves; SIGUSR2 makes an error that nobody catches. */
export async function startWatchedService(env: Record<string, string>): Promise<WatchedService> {
  const binary = process.env.FLUXHOOK_TEST_BINARY;
  const outside = Object.entries(process.env).filter(([name]) => !name.startsWith("FLUXHOOK_"));
  const child = Bun.spawn([...(binary ? [binary] : [process.execPath, MAIN]), "serve"], {
    env: {
      ...Object.fromEntries(outside),
      // Set, or the process would replace itself, and hand the preload to its own command line.
      MIMALLOC_PURGE_DELAY: "1000",
      MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "5000",
      BUN_GC_TIMER_INTERVAL: "5000",
      BUN_JSC_forceRAMSize: "536870912",
      BUN_OPTIONS: `--preload=${THROW_ON_SIGNAL}`,
      FLUXHOOK_PORT: "0",
      FLUXHOOK_LOG_LEVEL: "debug",
      ...env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const onDeath = runOnProcessDeath('kill -9 "$1" 2>/dev/null', String(child.pid));
  void child.exited.then(() => onDeath.cancel());
  const printed = { stdout: "", stderr: "" };
  const keep = async (stream: ReadableStream<Uint8Array>, name: keyof typeof printed) => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) printed[name] += decoder.decode(chunk, { stream: true });
  };
  const allRead = Promise.all([keep(child.stdout, "stdout"), keep(child.stderr, "stderr")]);
  const exited = Promise.all([child.exited, allRead]).then(([exitCode]) => ({
    exitCode,
    signal: child.signalCode,
  }));
  const started = await eventually(() => {
    if (child.exitCode !== null) throw new Error(`it ended: ${Bun.inspect(printed)}`);
    if (!printed.stdout.includes('"service.ready"')) return null;
    return /^.*"service\.started".*$/m.exec(printed.stdout)?.[0] ?? null;
  });
  return {
    url: (JSON.parse(started) as { url: string }).url,
    printed,
    signal: (signal) => child.kill(signal),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
