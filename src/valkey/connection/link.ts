// One connection to Valkey that watches progress, not connection state: a command that gets no
// answer in time costs the connection, every waiting caller hears of it, and a new one is made.
// Guarantee 10: whatever the outage, the link comes back by itself. It queues nothing meanwhile.
import { Redis, ReplyError, type RedisOptions } from "iovalkey";
import { shownAddress } from "./address.ts";
import { nameWrongKeys } from "./wrong-keys.ts";
import { ValkeyFull, ValkeyUnavailable } from "./errors.ts";

export interface LinkOptions {
  url: string;
  /** Shown by `CLIENT LIST`, and in log lines. */
  name: string;
  /** A command that has no answer after this costs the connection. */
  deadlineMs: number;
  onUp?: () => void;
  onDown?: (reason: string) => void;
}

const MIN_RECONNECT_DELAY_MS = 50;
const MAX_RECONNECT_DELAY_MS = 1_000;

interface Waiting {
  reject: (error: ValkeyUnavailable) => void;
  deadlineAt: number;
}

/** What a store needs of the link. */
export type StoreLink = Pick<Link, "run">;

export class Link {
  private client: Redis | null = null;
  private ready = false;
  private closed = false;
  private reconnectDelayMs = MIN_RECONNECT_DELAY_MS;
  private readonly waiting = new Set<Waiting>();
  private watch: Timer | null = null;
  private reconnect: Timer | null = null;
  private upWaiters: ((isUp: boolean) => void)[] = [];
  /** Counts connections; a reply of an earlier one says nothing about this one. */
  connections = 0;
  lastProblem = "not connected yet";

  constructor(private readonly options: LinkOptions) {}

  get isUp(): boolean {
    return this.ready;
  }

  /** Starts connecting, and goes on until `close`. */
  open(): this {
    this.connect();
    return this;
  }

  /** True as soon as the link is up; false when it is closed, for then it never will be. */
  whenUp(): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    if (this.ready) return Promise.resolve(true);
    return new Promise((resolve) => this.upWaiters.push(resolve));
  }

  /**
   * Runs commands on the connection.
   * @throws ValkeyUnavailable where there is none, or no answer within `deadlineMs`. What was sent
   * may still have been applied.
   */
  async run<T>(
    commands: (client: Redis) => Promise<T>,
    deadlineMs = this.options.deadlineMs,
  ): Promise<T> {
    const client = this.client;
    if (!client || !this.ready) throw new ValkeyUnavailable(this.lastProblem);
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting: Waiting = { reject, deadlineAt: performance.now() + deadlineMs };
    this.waiting.add(waiting);
    this.startWatch();
    try {
      const answer = await Promise.race([Promise.try(commands, client), promise]);
      // Not when it connects: a server that takes no writes is connected to at once, each time.
      if (this.client === client) this.reconnectDelayMs = MIN_RECONNECT_DELAY_MS;
      return answer;
    } catch (error) {
      if (error instanceof ValkeyUnavailable) throw error;
      if (isReply(error) && error.message.startsWith("OOM ")) {
        throw new ValkeyFull("Valkey is at its memory limit (maxmemory)", { cause: error });
      }
      const problem = connectionProblem(error);
      if (problem === null) {
        await nameWrongKeys(client, error);
        throw error;
      }
      this.drop(client, problem);
      throw new ValkeyUnavailable(problem, { cause: error });
    } finally {
      this.waiting.delete(waiting);
    }
  }

  /**
   * The link for callers that wait no longer than `waitMs` for an answer. They get ValkeyUnavailable, and
   * the connection stays: a slow answer to one of them must not cost the others theirs.
   */
  within(waitMs: number): StoreLink {
    return {
      run: async (commands, deadlineMs) => {
        if (deadlineMs !== undefined) return this.run(commands, deadlineMs);
        const { promise, reject } = Promise.withResolvers<never>();
        const timer = setTimeout(() => reject(new ValkeyUnavailable("no answer in time")), waitMs);
        try {
          return await Promise.race([this.run(commands), promise]);
        } finally {
          clearTimeout(timer);
        }
      },
    };
  }

  /** Gives the connection up and makes another one. */
  reset(reason: string): void {
    if (this.client) this.drop(this.client, reason);
  }

  close(): void {
    this.closed = true;
    if (this.reconnect) clearTimeout(this.reconnect);
    if (this.watch) clearInterval(this.watch);
    this.watch = null;
    if (this.client) this.drop(this.client, "closed");
    for (const resolve of this.upWaiters.splice(0)) resolve(false);
  }

  private connect(): void {
    if (this.closed) return;
    const client = new Redis(this.options.url.replace(/^valkey(s?):/, "redis$1:"), {
      ...CLIENT_OPTIONS,
      connectionName: this.options.name,
    });
    this.client = client;
    let settled = false;
    let problem: string | null = null;
    const failed = (reason: string) => {
      if (settled) return;
      settled = true;
      this.drop(client, reason);
    };
    const limit = setTimeout(() => failed("no answer while connecting"), CONNECT_LIMIT_MS);
    client.on("error", (error: Error) => {
      problem = this.describe(error);
      if (this.client === client) this.lastProblem = problem;
    });
    client.on("end", () => {
      clearTimeout(limit);
      this.drop(client, problem ?? "connection closed");
    });
    client.connect().then(
      () => {
        clearTimeout(limit);
        if (settled || this.client !== client) return;
        settled = true;
        this.ready = true;
        this.connections += 1;
        this.options.onUp?.();
        for (const resolve of this.upWaiters.splice(0)) resolve(true);
      },
      (error: unknown) => {
        clearTimeout(limit);
        failed(this.describe(error));
      },
    );
  }

  /** A unix socket's path is in the message as it was given, with the password in its query. */
  private describe(error: unknown): string {
    const { url } = this.options;
    return describe(error).replaceAll(url, shownAddress(url));
  }

  private drop(client: Redis, reason: string): void {
    if (this.client !== client) return;
    const wasReady = this.ready;
    this.client = null;
    this.ready = false;
    this.lastProblem = reason;
    client.disconnect(false);
    const error = new ValkeyUnavailable(reason);
    for (const waiting of this.waiting) waiting.reject(error);
    this.waiting.clear();
    if (wasReady && !this.closed) this.options.onDown?.(reason);
    if (this.closed) return;
    this.reconnect = setTimeout(() => this.connect(), this.reconnectDelayMs);
    this.reconnectDelayMs = Math.min(this.reconnectDelayMs * 2, MAX_RECONNECT_DELAY_MS);
  }

  // One timer for all commands instead of one each: a deadline may be late by its period.
  private startWatch(): void {
    if (this.watch || this.closed) return;
    this.watch = setInterval(() => {
      if (this.waiting.size === 0) {
        if (this.watch) clearInterval(this.watch);
        this.watch = null;
        return;
      }
      const now = performance.now();
      for (const { deadlineAt } of this.waiting) {
        if (deadlineAt > now) continue;
        if (this.client) this.drop(this.client, "no answer in time");
        return;
      }
    }, WATCH_PERIOD_MS);
  }
}

const WATCH_PERIOD_MS = 100;
const CONNECT_LIMIT_MS = 3_000;

const CLIENT_OPTIONS: RedisOptions = {
  lazyConnect: true,
  // A command that was under way at a drop may have been applied: whoever sent it decides.
  autoResendUnfulfilledCommands: false,
  // Nothing queues in memory while Valkey is away (FACTS: 100 MB for 100,000 pushes).
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  connectTimeout: CONNECT_LIMIT_MS,
  keepAlive: 10_000,
};

/** Replies that mean: not on this connection, not now. Others are the command's own failure. */
const UNAVAILABLE_REPLY =
  /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|NOAUTH|UNBLOCKED|BUSY|MISCONF) /;

function connectionProblem(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  // A mistake of ours: another connection would meet it again, for ever.
  if (error instanceof TypeError || error instanceof RangeError) return null;
  if (!isReply(error)) return describe(error);
  return UNAVAILABLE_REPLY.test(error.message) ? error.message : null;
}

/** By its class: its name is that of the class, which the build makes short. */
function isReply(error: unknown): error is Error {
  return error instanceof (ReplyError as ErrorConstructor);
}

/** What went wrong, without the address's password. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && !error.message.includes(code)
    ? `${code} ${error.message}`
    : error.message;
}
