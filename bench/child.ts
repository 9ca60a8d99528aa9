// A process of the benchmark that speaks JSON lines: contender, receiver, or Fluxhook with its log.
import { runOnProcessDeath } from "../src/local-valkey/on-process-death.ts";

type Message = Record<string, unknown>;

/** What nobody has asked for yet; a log of Fluxhook is read to its ready line only. */
const MAX_UNREAD = 1_000;
const STOP_WITHIN_MS = 40_000;

export class Child implements AsyncDisposable {
  private readonly unread: Message[] = [];
  private readonly waiters: {
    matches: (message: Message) => boolean;
    resolve: (message: Message) => void;
    reject: (error: Error) => void;
  }[] = [];
  private ended = false;

  private constructor(
    private readonly process: Bun.Subprocess<"pipe", "pipe", "inherit">,
    private readonly name: string,
  ) {}

  static spawn(name: string, command: readonly string[], env: Record<string, string> = {}): Child {
    // What the shell configures for another Fluxhook is not what is measured.
    const outside = Object.entries(process.env).filter(([key]) => !key.startsWith("FLUXHOOK_"));
    const started = Bun.spawn([...command], {
      env: { ...Object.fromEntries(outside), ...env },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    const onDeath = runOnProcessDeath('kill -9 "$1" 2>/dev/null', `${started.pid}`);
    const child = new Child(started, name);
    void child.read().finally(() => child.end());
    void started.exited.then(() => onDeath.cancel());
    return child;
  }

  get pid(): number {
    return this.process.pid;
  }

  send(message: object): void {
    void this.process.stdin.write(`${JSON.stringify(message)}\n`);
    void this.process.stdin.flush();
  }

  /** The oldest unread message that matches, or the next one. @throws Error where none comes. */
  async next(matches: (message: Message) => boolean, { withinMs = 60_000 } = {}): Promise<Message> {
    const found = this.unread.findIndex(matches);
    if (found >= 0) return this.unread.splice(found, 1)[0]!;
    if (this.ended) throw new Error(`${this.name} has ended`);
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const waiter = { matches, resolve, reject };
    this.waiters.push(waiter);
    const timer = setTimeout(() => {
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      reject(new Error(`${this.name} has not said what was expected within ${withinMs} ms`));
    }, withinMs);
    return promise.finally(() => clearTimeout(timer));
  }

  /** SIGTERM, and waits. */
  async stop(): Promise<void> {
    this.process.kill("SIGTERM");
    const force = setTimeout(() => this.process.kill("SIGKILL"), STOP_WITHIN_MS);
    await this.process.exited;
    clearTimeout(force);
  }

  /** At once: the figures are taken. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.exited;
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.process.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line.startsWith("{")) this.take(JSON.parse(line) as Message);
    }
  }

  private take(message: Message): void {
    const waiter = this.waiters.find(({ matches }) => matches(message));
    if (waiter) {
      this.waiters.splice(this.waiters.indexOf(waiter), 1);
      waiter.resolve(message);
      return;
    }
    this.unread.push(message);
    if (this.unread.length > MAX_UNREAD) this.unread.shift();
  }

  private end(): void {
    this.ended = true;
    for (const { reject } of this.waiters.splice(0)) reject(new Error(`${this.name} has ended`));
  }
}

/** The other side of it: messages from the process that started this one. */
export async function eachMessage(handle: (message: Message) => unknown): Promise<void> {
  for await (const line of console) await handle(JSON.parse(line) as Message);
}

export function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
