// What a scenario of the campaign works with: the built binary, a real Valkey, a receiver that
// counts, and the events that were acknowledged.
import { join } from "node:path";
import { Redis } from "iovalkey";
import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import type { LocalValkey } from "../../src/local-valkey/start.ts";
import { eventually } from "../support/eventually.ts";
import { ownValkey, tempFolder, testRedis } from "../support/valkey.ts";

/** Holds the fault points; otherwise the release. */
export const FAULT_BINARY = join(import.meta.dir, "../../dist/fluxhook-faults");
export const TOKEN = "campaign-token-of-thirty-two-chars";
export const QUEUE = "fluxhook:events";

export interface WorkerOptions {
  /** The folder that it runs in. */
  cwd?: string;
  awaitReady?: boolean;
  /** Another one than this tree's. */
  binary?: string;
  /** A command that prepares something and then executes what follows it, in the same process. */
  through?: readonly string[];
}

/** One process of the binary. */
export class WorkerProcess {
  private constructor(
    private readonly child: Bun.Subprocess<"ignore", Bun.BunFile, Bun.BunFile>,
    readonly url: string,
    /** Its log lines, for a scenario that looks for errors in them. */
    readonly logFile: string,
  ) {}

  static async start(
    valkeyUrl: string,
    env: Record<string, string> = {},
    options: WorkerOptions = {},
  ): Promise<WorkerProcess> {
    const logFile = join(tempFolder("worker"), "log");
    const command = [...(options.through ?? []), options.binary ?? FAULT_BINARY, "serve"];
    const child = Bun.spawn(command, {
      env: {
        ...process.env,
        FLUXHOOK_VALKEY_URL: valkeyUrl,
        FLUXHOOK_PORT: "0",
        FLUXHOOK_API_TOKEN: TOKEN,
        FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8",
        FLUXHOOK_SECRET_KEY: Buffer.alloc(32, "key").toString("base64"),
        ...env,
      },
      cwd: options.cwd,
      stdin: "ignore",
      stdout: Bun.file(logFile),
      stderr: Bun.file(logFile),
    });
    runOnProcessDeath('kill -9 "$1" 2>/dev/null', String(child.pid));
    const worker = new WorkerProcess(child, await listeningAt(child, logFile), logFile);
    if (options.awaitReady !== false) {
      await eventually(
        async () => worker.hasEnded || (await fetch(`${worker.url}/readyz`)).status === 200,
        { withinMs: 20_000 },
      );
    }
    return worker;
  }

  get pid(): number {
    return this.child.pid;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  get wasKilled(): boolean {
    return this.child.signalCode === "SIGKILL";
  }

  get exited(): Promise<number> {
    return this.child.exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.child.exited;
  }

  /** SIGTERM; answers how long it took and the exit code. */
  async terminate(): Promise<{ ms: number; code: number }> {
    const startedAt = performance.now();
    this.child.kill("SIGTERM");
    const code = await this.child.exited;
    return { ms: performance.now() - startedAt, code };
  }

  /** Resident memory in MiB. */
  async rssMib(): Promise<number> {
    const status = await Bun.file(`/proc/${this.pid}/status`).text();
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
  }

  /** Samples the resident memory until it is stopped; answers the most seen, in MiB. */
  watchRss(everyMs = 100): { stop: () => number; mostMib: () => number } {
    let most = 0;
    const timer = setInterval(() => {
      // A process that has ended has no status; what was seen before stays.
      this.rssMib().then(
        (mib) => (most = Math.max(most, mib)),
        () => clearInterval(timer),
      );
    }, everyMs);
    const stop = () => {
      clearInterval(timer);
      return most;
    };
    return { stop, mostMib: () => most };
  }

  async log(): Promise<string> {
    return Bun.file(this.logFile).text();
  }

  async api(method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { Authorization: `Bearer ${TOKEN}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(5_000),
    });
  }

  /** Registers a webhook; answers its id. */
  async register(webhook: Record<string, unknown>): Promise<string> {
    const response = await this.api("POST", "/v1/webhooks", webhook);
    const answer = (await response.json()) as { id?: string };
    if (answer.id === undefined) throw new Error(`not registered: ${JSON.stringify(answer)}`);
    return answer.id;
  }
}

/** The address that it says it listens on; a port chosen here could be taken by then. */
async function listeningAt(child: Bun.Subprocess, logFile: string): Promise<string> {
  return eventually(
    async () => {
      const log = await Bun.file(logFile).text();
      if (child.exitCode !== null) throw new Error(`the worker did not start: ${log}`);
      return /"url":"([^"]+)"/.exec(log)?.[1] ?? null;
    },
    { withinMs: 20_000 },
  );
}

type Answer = Response | null;

/** Counts what arrives. `data.n` says which event a request is; its body's `id` must not change. */
export class CountingReceiver {
  /** n → how many requests carried it. */
  readonly arrivals = new Map<number, number>();
  /** Events that came with more than one id. */
  readonly changedIds = new Set<number>();
  requests = 0;
  inFlight = 0;
  mostInFlight = 0;
  private readonly ids = new Map<number, string>();
  private readonly server: Bun.Server<undefined>;

  /** What is answered: null for 204 at once. A request counts when its answer says 2xx. */
  respond: ((n: number, path: string) => Answer | Promise<Answer>) | null = null;

  /** A given port is for an endpoint that comes back where it was. */
  constructor(port = 0) {
    this.server = Bun.serve({
      hostname: "127.0.0.1",
      port,
      idleTimeout: 0,
      development: false,
      fetch: (request) => this.receive(request),
    });
  }

  url(path = "/"): string {
    return `http://127.0.0.1:${this.server.port}${path}`;
  }

  get distinct(): number {
    return this.arrivals.size;
  }

  get duplicates(): number {
    let more = 0;
    for (const count of this.arrivals.values()) more += count - 1;
    return more;
  }

  async stop(): Promise<void> {
    await this.server.stop(true);
  }

  private async receive(request: Request): Promise<Response> {
    this.inFlight += 1;
    this.requests += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      const { id, data } = (await request.json()) as { id: string; data: { n: number } };
      const first = this.ids.get(data.n);
      if (first === undefined) this.ids.set(data.n, id);
      else if (first !== id) this.changedIds.add(data.n);
      const answer = this.respond
        ? ((await this.respond(data.n, new URL(request.url).pathname)) ?? NO_CONTENT())
        : NO_CONTENT();
      if (answer.ok) this.arrivals.set(data.n, (this.arrivals.get(data.n) ?? 0) + 1);
      return answer;
    } finally {
      this.inFlight -= 1;
    }
  }
}

const NO_CONTENT = () => new Response(null, { status: 204 });

/** Pushes events and knows which ones Valkey has acknowledged. */
export class Producer {
  acknowledged = 0;
  refused = 0;
  next = 0;
  /** Their push was refused or not answered: they may have been applied, nobody was promised it. */
  readonly unacknowledged = new Set<number>();

  constructor(
    private readonly redis: { call(command: string, args: string[]): Promise<unknown> },
    private readonly options: {
      queue?: string;
      userOf?: (n: number) => string;
      push?: "LPUSH" | "RPUSH";
      padding?: number;
    } = {},
  ) {}

  element(n: number): string {
    const user = this.options.userOf?.(n) ?? "u_1";
    const padding = "x".repeat(this.options.padding ?? 100);
    return `{"user_id":"${user}","event":"file.created","data":{"n":${n},"p":"${padding}"}}`;
  }

  /** Pushes so many, in groups. What is not acknowledged is not counted, and its numbers are skipped. */
  async push(count: number, group = 500): Promise<void> {
    const end = this.next + count;
    while (this.next < end) {
      const size = Math.min(group, end - this.next);
      const first = this.next;
      const elements = Array.from({ length: size }, (_, i) => this.element(first + i));
      this.next += size;
      try {
        await this.redis.call(this.options.push ?? "LPUSH", [
          this.options.queue ?? QUEUE,
          ...elements,
        ]);
        this.acknowledged += size;
      } catch {
        this.refused += size;
        for (let i = 0; i < size; i += 1) this.unacknowledged.add(first + i);
      }
    }
  }

  /** How many acknowledged events have not arrived. */
  missingAt(receiver: CountingReceiver): number {
    let missing = 0;
    for (let n = 0; n < this.next; n += 1) {
      if (!receiver.arrivals.has(n) && !this.unacknowledged.has(n)) missing += 1;
    }
    return missing;
  }
}

export interface Check {
  what: string;
  found: string | number;
  holds: boolean;
}

/** What a scenario came to. */
export interface Result {
  sent: number;
  received: number;
  lost: number;
  duplicates: number;
  checks: Check[];
}

export interface ScenarioContext {
  long: boolean;
  /** A binary of the version before, where one was given. */
  older: string | null;
  /** A Valkey of the scenario's own, append-only; stopped at its end. */
  valkey(extraArgs?: string[]): Promise<LocalValkey>;
  redis(url: string): Promise<Redis>;
  worker(
    url: string,
    env?: Record<string, string>,
    options?: WorkerOptions,
  ): Promise<WorkerProcess>;
  receiver(port?: number): CountingReceiver;
  /** Something of the scenario's own that ends with it. */
  atEnd(end: () => unknown): void;
  /** Shown while the scenario runs. */
  progress(text: string): void;
}

export interface Scenario {
  name: string;
  /** What is done, as the issue says it. */
  what: string;
  /** What has to hold. */
  holds: string;
  /** A control: it is right only if it fails. */
  mustFail?: boolean;
  run(context: ScenarioContext): Promise<Result>;
}

/** Everything that a scenario started is ended with it, however it ends. */
export function openContext(
  { long, older }: Pick<ScenarioContext, "long" | "older">,
  progress: (text: string) => void,
): { context: ScenarioContext; close: () => Promise<void> } {
  const ends: (() => unknown)[] = [];
  return {
    context: {
      long,
      older,
      progress,
      async valkey(extraArgs) {
        const server = await ownValkey({ extraArgs });
        ends.push(() => server.stop());
        return server;
      },
      async redis(url) {
        const redis = await testRedis(url);
        ends.push(() => redis.disconnect());
        return redis;
      },
      async worker(url, env, options) {
        const worker = await WorkerProcess.start(url, env, options);
        ends.push(() => worker.hasEnded || worker.kill());
        return worker;
      },
      atEnd: (end) => void ends.push(end),
      receiver(port) {
        const receiver = new CountingReceiver(port);
        ends.push(() => receiver.stop());
        return receiver;
      },
    },
    close: async () => {
      for (const end of ends.toReversed()) await end();
    },
  };
}

/** The counts that every scenario has. An arrival that nobody was promised does not hide a loss. */
export function counts(
  producer: Pick<Producer, "acknowledged"> & Partial<Pick<Producer, "missingAt">>,
  receiver: CountingReceiver,
): Pick<Result, "sent" | "received" | "lost" | "duplicates"> {
  return {
    sent: producer.acknowledged,
    received: receiver.distinct,
    lost: producer.missingAt?.(receiver) ?? Math.max(0, producer.acknowledged - receiver.distinct),
    duplicates: receiver.duplicates,
  };
}

/**
 * A figure that is a matter of time. On a machine that does other things it says little, so it is
 * judged in the long form alone, which one starts on a quiet one.
 */
export function timed({ long }: ScenarioContext, one: Check): Check {
  return long ? one : { ...one, what: `(not judged here) ${one.what}`, holds: true };
}

export function check(what: string, found: string | number, holds: boolean): Check {
  return { what, found, holds };
}
