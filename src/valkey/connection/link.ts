// A supervised connection to Valkey. It watches progress, not connection state: if a command gets no answer in
// time, every pending command fails and the link makes a new connection.
// Guarantee 10: the link comes back by itself after any outage. It queues no commands meanwhile.
import type { Writable } from "node:stream";
import { Redis, ReplyError, type RedisOptions } from "iovalkey";
import { shownAddress } from "./address.ts";
import { nameWrongKeys } from "./wrong-keys.ts";
import { ValkeyFull, ValkeyUnavailable } from "./errors.ts";

export interface LinkOptions {
  url: string;
  /** The connection's name in `CLIENT LIST`. */
  name: string;
  /** If a command has no answer after this, the link drops the connection. */
  deadlineMs: number;
  onUp?: () => void;
  onDown?: (reason: string) => void;
}

const MIN_RECONNECT_DELAY_MS = 50;
const MAX_RECONNECT_DELAY_MS = 1_000;

interface PendingCommand {
  reject: (error: ValkeyUnavailable) => void;
  deadlineAt: number;
}

/** The part of the link that stores use. */
export type StoreLink = Pick<Link, "run">;

export class Link {
  private client: Redis | null = null;
  private ready = false;
  private closed = false;
  private reconnectDelayMs = MIN_RECONNECT_DELAY_MS;
  private readonly pending = new Set<PendingCommand>();
  private watch: Timer | null = null;
  private watchedAt = Number.POSITIVE_INFINITY;
  private reconnect: Timer | null = null;
  private upWaiters: ((isUp: boolean) => void)[] = [];
  /** How many connections there have been; a reply on an earlier one says nothing about this one. */
  connections = 0;
  lastProblem = "not connected yet";

  constructor(private readonly options: LinkOptions) {}

  get isUp(): boolean {
    return this.ready;
  }

  /** Starts connecting; the link stays connected until `close`. */
  open(): this {
    this.connect();
    return this;
  }

  /** Resolves to true when the link is up, or to false when it is closed and will never be up again. */
  whenUp(): Promise<boolean> {
    if (this.closed) return Promise.resolve(false);
    if (this.ready) return Promise.resolve(true);
    return new Promise((resolve) => this.upWaiters.push(resolve));
  }

  /**
   * Runs commands on the connection.
   * @throws ValkeyUnavailable if there is no connection, or no answer within `deadlineMs`; Valkey may still
   * have applied what was sent. ValkeyFull if Valkey is at its memory limit.
   */
  async run<T>(
    commands: (client: Redis) => Promise<T>,
    deadlineMs = this.options.deadlineMs,
  ): Promise<T> {
    const client = this.client;
    if (!client || !this.ready) throw new ValkeyUnavailable(this.lastProblem);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const pending: PendingCommand = { reject, deadlineAt: performance.now() + deadlineMs };
    this.pending.add(pending);
    this.watchUntil(pending.deadlineAt);
    writeTogether(client);
    try {
      // Not Promise.race, which makes three more promises: one of two calls of a delivery is here.
      commands(client).then(resolve, reject);
      const answer = await promise;
      // Reset here, not on connecting: connecting also succeeds at once to a server that refuses commands.
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
      this.pending.delete(pending);
    }
  }

  /**
   * Returns the link for callers that wait at most `waitMs` for an answer. After that they get
   * ValkeyUnavailable, but the connection stays: a slow answer to one caller must not fail the others.
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

  /** Drops the connection and makes a new one. */
  reset(reason: string): void {
    if (this.client) this.drop(this.client, reason);
  }

  close(): void {
    this.closed = true;
    if (this.reconnect) clearTimeout(this.reconnect);
    if (this.watch) clearTimeout(this.watch);
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
      problem = this.errorText(error);
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
        failed(this.errorText(error));
      },
    );
  }

  /** The message can contain the url of a unix socket, with the password in its query (guarantee 9). */
  private errorText(error: unknown): string {
    const { url } = this.options;
    return errorText(error).replaceAll(url, shownAddress(url));
  }

  private drop(client: Redis, reason: string): void {
    if (this.client !== client) return;
    const wasReady = this.ready;
    this.client = null;
    this.ready = false;
    this.lastProblem = reason;
    client.disconnect(false);
    const error = new ValkeyUnavailable(reason);
    for (const pending of this.pending) pending.reject(error);
    this.pending.clear();
    if (wasReady && !this.closed) this.options.onDown?.(reason);
    if (this.closed) return;
    this.reconnect = setTimeout(() => this.connect(), this.reconnectDelayMs);
    this.reconnectDelayMs = Math.min(this.reconnectDelayMs * 2, MAX_RECONNECT_DELAY_MS);
  }

  /**
   * One timer for all commands, set for the earliest deadline: most commands are answered long before, and
   * a connection that only waits (BLMOVE, XREAD) wakes nobody.
   */
  private watchUntil(deadlineAt: number): void {
    if (this.closed || deadlineAt >= this.watchedAt) return;
    if (this.watch) clearTimeout(this.watch);
    this.watchedAt = deadlineAt;
    this.watch = setTimeout(
      () => this.checkDeadlines(),
      Math.max(0, deadlineAt - performance.now()),
    );
  }

  private checkDeadlines(): void {
    this.watch = null;
    this.watchedAt = Number.POSITIVE_INFINITY;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { deadlineAt } of this.pending) earliest = Math.min(earliest, deadlineAt);
    if (earliest > performance.now()) this.watchUntil(earliest);
    else if (this.client) this.drop(this.client, "no answer in time");
  }
}

const CONNECT_LIMIT_MS = 3_000;

const CLIENT_OPTIONS: RedisOptions = {
  lazyConnect: true,
  // A command that was pending when the connection dropped may have been applied: its caller decides.
  autoResendUnfulfilledCommands: false,
  // Nothing queues in memory during an outage: 100,000 pushes took 100 MB in a design measurement.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: () => null,
  connectTimeout: CONNECT_LIMIT_MS,
  keepAlive: 10_000,
};

/** Error replies about the server's state; it may pass. Any other error is the command's own. */
const UNAVAILABLE_REPLY =
  /^(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS|NOAUTH|UNBLOCKED|BUSY|MISCONF) /;

function connectionProblem(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  // A bug in Fluxhook: a new connection would meet it again, without end.
  if (error instanceof TypeError || error instanceof RangeError) return null;
  if (!isReply(error)) return errorText(error);
  return UNAVAILABLE_REPLY.test(error.message) ? error.message : null;
}

/** Checks the class, not its name: the build shortens names. */
function isReply(error: unknown): error is Error {
  return error instanceof (ReplyError as ErrorConstructor);
}

/** Returns the error's code and message. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && !error.message.includes(code)
    ? `${code} ${error.message}`
    : error.message;
}

const corked = new WeakSet<Writable>();

/**
 * What is sent in one turn of the event loop goes out in one write: each write alone costs this process and
 * Valkey a system call, which at low rates is most of what a command costs.
 */
function writeTogether({ stream }: Redis): void {
  if (corked.has(stream)) return;
  corked.add(stream);
  stream.cork();
  setImmediate(() => {
    corked.delete(stream);
    stream.uncork();
  });
}
