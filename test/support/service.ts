// The real process: `fluxhook` from the sources, or the binary that FLUXHOOK_TEST_BINARY names.
import { join } from "node:path";
import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import { eventually } from "./eventually.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");
export const API_TOKEN = "test-token-of-thirty-two-letters";

export interface ServiceProcess extends AsyncDisposable {
  url: string;
  pid: number;
  /** Structured log lines so far. */
  lines: Record<string, unknown>[];
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the test says what it expects
  api<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: T }>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code. */
  exited: Promise<number>;
  /** SIGTERM, and waits. */
  stop(): Promise<number>;
}

export interface ServiceOptions {
  valkeyUrl: string;
  prefix: string;
  env?: Record<string, string>;
  /** False: does not wait for /readyz. */
  awaitReady?: boolean;
  /** In place of the sources, or of what FLUXHOOK_TEST_BINARY names. */
  binary?: string;
}

export async function startServiceProcess(options: ServiceOptions): Promise<ServiceProcess> {
  const child = spawnFluxhook(
    ["serve"],
    {
      FLUXHOOK_VALKEY_URL: options.valkeyUrl,
      FLUXHOOK_PREFIX: options.prefix,
      FLUXHOOK_PORT: "0",
      FLUXHOOK_API_TOKEN: API_TOKEN,
      FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8",
      ...options.env,
    },
    undefined,
    options.binary,
  );
  const lines: Record<string, unknown>[] = [];
  const allRead = readLines(child.stdout, lines);
  const complaint = child.stderr.text();
  let hasEnded = false;
  // With its last words: they may arrive after its exit code.
  const exited = Promise.all([child.exited, allRead]).then(([exitCode]) => exitCode);
  void exited.then(() => (hasEnded = true));

  async function logLine(event: string): Promise<Record<string, unknown>> {
    // Several services that start at once on a busy machine take their time.
    const found = await eventually(
      () => lines.find((line) => line.event === event) ?? (hasEnded ? "ended" : null),
      { withinMs: 40_000 },
    );
    if (found !== "ended") return found;
    throw new Error(`fluxhook ended before ${event}:\n${Bun.inspect(lines)}\n${await complaint}`);
  }

  const { url } = await logLine("service.started");
  if (options.awaitReady !== false) await logLine("service.ready");
  return {
    url: String(url),
    pid: child.pid,
    lines,
    async api(method, path, body) {
      const response = await fetch(String(url) + path, {
        method,
        headers: {
          Authorization: `Bearer ${API_TOKEN}`,
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text === "" ? null : JSON.parse(text) };
    },
    signal: (signal) => child.kill(signal),
    exited,
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
    // A test that is over has no interest in a graceful end.
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

export interface Finished {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs a command of fluxhook to its end. */
export async function runFluxhook(
  args: readonly string[],
  env: Record<string, string> = {},
  stdin?: string | Uint8Array,
): Promise<Finished> {
  const child = spawnFluxhook(args, env, stdin);
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { exitCode, stdout, stderr };
}

/** For a test that watches it while it runs. */
export function spawnFluxhook(
  args: readonly string[],
  env: Record<string, string>,
  stdin?: string | Uint8Array,
  binary = process.env.FLUXHOOK_TEST_BINARY,
) {
  // What the developer's own shell configures is not what a test is about.
  const outside = Object.entries(process.env).filter(([name]) => !name.startsWith("FLUXHOOK_"));
  const child = Bun.spawn([...(binary ? [binary] : [process.execPath, MAIN]), ...args], {
    env: { ...Object.fromEntries(outside), ...env },
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
  const onDeath = runOnProcessDeath('kill -9 "$1" 2>/dev/null', String(child.pid));
  // Its number may be somebody else's afterwards.
  void child.exited.then(() => onDeath.cancel());
  return child;
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  lines: Record<string, unknown>[],
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part.startsWith("{")) lines.push(JSON.parse(part));
  }
}
