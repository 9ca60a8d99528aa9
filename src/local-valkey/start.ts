// Starts a Valkey on 127.0.0.1 for `fluxhook dev` and for the tests. It keeps its data after a SIGKILL,
// keeps running after Ctrl-C until we have drained, and never outlives this process.
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { runOnProcessDeath } from "./on-process-death.ts";
import { locateValkey } from "./locate.ts";
import { pingValkey } from "./ping.ts";
import type { ValkeyInstall } from "./install.ts";

export interface LocalValkeyOptions {
  /** Created if it is missing. Only one server at a time may use it. */
  dataDir: string;
  /** Default: a free one. */
  port?: number;
  /** False keeps everything in memory only. */
  appendOnly?: boolean;
  /** Further options of valkey-server: `["--maxmemory", "10mb"]`. */
  extraArgs?: string[];
  onProgress?: (line: string) => void;
}

export interface LocalValkey {
  /** redis://127.0.0.1:port */
  readonly url: string;
  readonly port: number;
  /** Changes with each restart. */
  readonly pid: number;
  readonly dataDir: string;
  readonly version: string;
  /** Resolves when the current server process has ended. */
  readonly exited: Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  /** Lets the server write its data, and kills it after 5 s. */
  stop(): Promise<void>;
  /** Resolves when it is ready again on the same port with the same data. Works after a SIGKILL too. */
  restart(): Promise<void>;
}

const READY_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 5_000;
const PORT_ATTEMPTS = 10;

/** File in the data folder with the port and pid of its last server. */
const RUNNING_FILE = "running.json";

type Server = Bun.Subprocess<"ignore", number, number>;
type Started = { status: "ready"; server: Server } | { status: "port-taken" };

/** @throws NoValkeyError if there is no Valkey, an Error with its last log lines if it does not start. */
export async function startLocalValkey(options: LocalValkeyOptions): Promise<LocalValkey> {
  const { dataDir, onProgress } = options;
  const install = await locateValkey({ onProgress });
  mkdirSync(dataDir, { recursive: true });
  await refuseSharedFolder(dataDir);
  let { port, server } = await startOnSomePort(install, options);

  return {
    get url() {
      return `redis://127.0.0.1:${port}`;
    },
    get port() {
      return port;
    },
    get pid() {
      return server.pid;
    },
    dataDir,
    version: install.version,
    get exited() {
      return server.exited;
    },
    signal: (signal) => server.kill(signal),
    stop: () => stop(server),
    async restart() {
      await stop(server);
      ({ server } = await startOnSomePort(install, { ...options, port }));
    },
  };
}

async function startOnSomePort(
  install: ValkeyInstall,
  options: LocalValkeyOptions,
): Promise<{ port: number; server: Server }> {
  for (let attempt = 1; attempt <= PORT_ATTEMPTS; attempt++) {
    const port = options.port ?? portToTry();
    const started = await start(install, options, port);
    if (started.status === "ready") return { port, server: started.server };
    if (options.port !== undefined) throw new Error(`port ${port} of 127.0.0.1 is taken`);
  }
  throw new Error(`no free port for valkey-server in ${PORT_ATTEMPTS} attempts`);
}

/**
 * Returns a port below the ephemeral range (from 32768 on Linux, 49152 on macOS). An outgoing connection
 * could take a port of that range between two starts, and a client that connects to such a port while the
 * server is down can even be connected to itself.
 */
function portToTry(): number {
  return 20_000 + Math.floor(Math.random() * 12_000);
}

async function start(
  install: ValkeyInstall,
  { dataDir, appendOnly = true, extraArgs = [] }: LocalValkeyOptions,
  port: number,
): Promise<Started> {
  const args = [
    ["--bind", "127.0.0.1"],
    ["--port", `${port}`],
    ["--dir", dataDir],
    ["--appendonly", appendOnly ? "yes" : "no"],
    ["--appendfsync", "everysec"],
    ["--save", ""],
    ["--maxmemory-policy", "noeviction"],
    extraArgs,
  ].flat();

  const logPath = join(dataDir, "valkey.log");
  const log = openSync(logPath, "w");
  const server = Bun.spawn([install.serverPath, ...args], {
    env: { ...process.env, ...install.env },
    // In its own session: Ctrl-C in the terminal must not stop the Valkey that we drain into.
    detached: true,
    stdin: "ignore",
    stdout: log,
    stderr: log,
  });
  closeSync(log);
  server.unref();
  const onDeath = runOnProcessDeath('kill -KILL "$1"', `${server.pid}`);
  void server.exited.then(() => onDeath.cancel());

  const giveUpAt = performance.now() + READY_WITHIN_MS;
  while (server.exitCode === null && server.signalCode === null && performance.now() < giveUpAt) {
    const ping = await pingValkey(port);
    // If another process took the port first, its Valkey may answer here while ours is about to end.
    if (ping.status === "ready" && (ping.pid ?? server.pid) === server.pid) {
      await writeFile(join(dataDir, RUNNING_FILE), JSON.stringify({ port, pid: server.pid }));
      return { status: "ready", server };
    }
    await Bun.sleep(10);
  }

  server.kill("SIGKILL");
  await server.exited;
  const lastLines = (await readFile(logPath, "utf8")).trim().split("\n").slice(-6).join("\n  ");
  if (lastLines.includes("Address already in use")) return { status: "port-taken" };
  throw new Error(`valkey-server did not start in ${dataDir}:\n  ${lastLines}`);
}

/** Valkey has no lock: two servers in one folder would write to the same append-only file. */
async function refuseSharedFolder(dataDir: string): Promise<void> {
  const file = Bun.file(join(dataDir, RUNNING_FILE));
  if (!(await file.exists())) return;
  const { port, pid } = (await file.json()) as { port: number; pid: number };
  const ping = await pingValkey(port);
  if (ping.status === "ready" && ping.pid === pid) {
    throw new Error(`${dataDir} is in use by the Valkey at 127.0.0.1:${port} (pid ${pid})`);
  }
}

async function stop(server: Server): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  server.ref();
  // A server that is stopped (SIGSTOP) handles SIGTERM only after SIGCONT.
  server.kill("SIGTERM");
  server.kill("SIGCONT");
  const force = setTimeout(() => server.kill("SIGKILL"), STOP_WITHIN_MS);
  await server.exited;
  clearTimeout(force);
}
