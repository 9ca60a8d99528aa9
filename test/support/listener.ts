// `fluxhook listen` as a user runs it: with its lines read one by one (--json), or in a terminal.
import { join } from "node:path";
import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import { eventually } from "./eventually.ts";
import type { Scene } from "./serve-scene.ts";
import { API_TOKEN, spawnFluxhook } from "./service.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

export interface ListenerLine {
  type: "session" | "request" | "connection" | "expired" | "note";
  url?: string;
  webhook_id?: string | null;
  secret?: string;
  state?: string;
  status?: number;
  event?: string | null;
  path?: string;
  method?: string;
  problem?: string | null;
}

export interface Listener extends AsyncDisposable {
  /** Of the first session. */
  url: string;
  webhookId: string;
  secret: string;
  lines: readonly ListenerLine[];
  pid: number;
  /** The states of its connection that it has shown, in order. */
  states(): (string | undefined)[];
  signal(signal: NodeJS.Signals): void;
  exited: Promise<number>;
}

export async function startListener(
  serviceUrl: string,
  args: readonly string[],
  token = API_TOKEN,
): Promise<Listener> {
  const child = spawnFluxhook(["listen", "--json", "--print-secret", ...args], {
    FLUXHOOK_URL: serviceUrl,
    FLUXHOOK_API_TOKEN: token,
  });
  const lines: ListenerLine[] = [];
  const complaint = child.stderr.text();
  const allRead = readLines(child.stdout, lines);
  const exited = Promise.all([child.exited, allRead]).then(([code]) => code);
  const first = await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`it ended: ${await complaint}`);
    const isConnected = lines.some(({ state }) => state === "connected");
    return (isConnected && lines.find(({ type }) => type === "session")) || null;
  });
  return {
    url: first.url ?? "",
    webhookId: first.webhook_id ?? "",
    secret: first.secret ?? "",
    lines,
    pid: child.pid,
    states: () => lines.filter(({ type }) => type === "connection").map(({ state }) => state),
    signal: (signal) => child.kill(signal),
    exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

export interface TerminalRun extends AsyncDisposable {
  /** Everything that was shown, control sequences and all. */
  shown(): string;
  press(keys: string): void;
  exited: Promise<number>;
}

/** In a pseudo-terminal; what is left of the terminal's modes afterwards is shown by `stty`. */
export function runInTerminal(
  args: readonly string[],
  env: Record<string, string> = {},
): TerminalRun {
  const decoder = new TextDecoder();
  let shown = "";
  const binary = process.env.FLUXHOOK_TEST_BINARY;
  const command = [...(binary ? [binary] : [process.execPath, MAIN]), ...args];
  const child = Bun.spawn(
    ["/bin/sh", "-c", '"$@"; code=$?; stty -a; exit $code', "sh", ...command],
    {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: "xterm", ...env },
      terminal: {
        cols: 100,
        rows: 30,
        data: (_terminal, data) => void (shown += decoder.decode(data, { stream: true })),
      },
    },
  );
  const onDeath = runOnProcessDeath('kill -9 "$1" 2>/dev/null', String(child.pid));
  void child.exited.then(() => onDeath.cancel());
  return {
    shown: () => shown,
    press: (keys) => void child.terminal?.write(keys),
    exited: child.exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
      child.terminal?.close();
    },
  };
}

async function readLines(stream: ReadableStream<Uint8Array>, lines: ListenerLine[]) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.push(JSON.parse(part) as ListenerLine);
  }
}

/** The lines of the requests that it has shown. */
export function requestsOf({ lines }: Listener): ListenerLine[] {
  return lines.filter(({ type }) => type === "request");
}

/** The same URL at another door of the service. */
export function through(url: string, door: { url: string }): string {
  return door.url + new URL(url).pathname;
}

/** A port that was free a moment ago: of a server that is not there yet, or comes back where it was. */
export function freePort(): string {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return String(port);
}

/** A service, a local server that answers 204, and the command between them. */
export async function openListening(scene: Scene, ...args: string[]) {
  const service = await scene.serve();
  const local = scene.receiver();
  const listener = await startListener(service.url, ["--forward-to", String(local.port), ...args]);
  return { service, local, listener };
}
