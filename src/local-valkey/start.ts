// A Valkey of our own on 127.0.0.1, for `fluxhook dev` and for the tests. It keeps its data over a
// SIGKILL, outlives Ctrl-C until we have drained, and never outlives this process.
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { runOnProcessDeath } from "./on-process-death.ts";
import { locateValkey } from "./locate.ts";
import { pingValkey } from "./ping.ts";
import type { ValkeyInstall } from "./install.ts";

export interface LocalValkeyOptions {
  /** Created where it is missing; one server at a time may use it. */
  dataDir: string;
  /** Missing: a free one. */
  port?: number;
  /** False: everything is in memory only. */
  appendOnly?: boolean;
  /** More of valkey-server's options: `["--maxmemory", "10mb"]`. */
  extraArgs?: string[];
  onProgress?: (line: string) => void;
}

export interface LocalValkey {
  /** redis://127.0.0.1:port */
  readonly url: string;
  readonly port: number;
  /** Another one after each restart. */
  readonly pid: number;
  readonly dataDir: string;
  readonly version: string;
  /** Resolves when the server that runs now has ended, however. */
  readonly exited: Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  /** Lets it write its data; after 5 s, or when it is frozen for good, by force. */
  stop(): Promise<void>;
  /** Ready again on the same port with the same data; also after a SIGKILL. */
  restart(): Promise<void>;
}

const READY_WITHIN_MS = 20_000;
const STOP_WITHIN_MS = 5_000;
const PORT_ATTEMPTS = 10;

/** In the data folder: port and pid of the server that was started on it last. */
const RUNNING_FILE = "running.json";

type Server = Bun.Subprocess<"ignore", number, number>;
type Started = { status: "ready"; server: Server } | { status: "port-taken" };

/** Throws a `NoValkeyError` where there is no Valkey, an Error with its last words if it ends. */
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
 * Below the ephemeral range (32768 on Linux, 49152 on macOS): an outgoing connection could take a
 * port of that range between two starts, and a client that dials such a port while the server is
 * down can even be connected to itself.
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
    // A session of its own: Ctrl-C in the terminal reaches us, not the Valkey we drain into.
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
    // On a port race somebody else's Valkey may answer here, while ours is about to give up.
    if (ping.status === "ready" && (ping.pid ?? server.pid) === server.pid) {
      await writeFile(join(dataDir, RUNNING_FILE), JSON.stringify({ port, pid: server.pid }));
      return { status: "ready", server };
    }
    await Bun.sleep(10);
  }

  server.kill("SIGKILL");
  await server.exited;
  const lastWords = (await readFile(logPath, "utf8")).trim().split("\n").slice(-6).join("\n  ");
  if (lastWords.includes("Address already in use")) return { status: "port-taken" };
  throw new Error(`valkey-server did not start in ${dataDir}:\n  ${lastWords}`);
}

/** Valkey takes no lock: two servers on one folder would write into one append-only file. */
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
  // A frozen server (SIGSTOP) would take SIGTERM only after SIGCONT.
  server.kill("SIGTERM");
  server.kill("SIGCONT");
  const force = setTimeout(() => server.kill("SIGKILL"), STOP_WITHIN_MS);
  await server.exited;
  clearTimeout(force);
}
