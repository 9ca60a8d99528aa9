// Requests that wait for an execution to end, on whichever process it runs. What runs here answers them directly;
// another process sends the id on a channel, and the result is read from Valkey. A message that is lost costs a
// second: everyone who waits also looks.
import { BoundedMap } from "../../bounded-map.ts";
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { WakeUps } from "../../valkey/connection/wake-ups.ts";
import type { WorkerLog } from "../../log.ts";
import type { Waited, WaitOptions } from "../executions.ts";
import type { Ends } from "./ends.ts";

export interface WaitersOptions {
  wakeUps: Pick<WakeUps, "subscribe">;
  ends: Pick<Ends, "read">;
  log: Pick<WorkerLog, "error">;
}

/** How often each one looks. */
const LOOK_EVERY_MS = 1_000;
/** Accepted requests for which nobody waits yet, or ever. */
const MAX_EXPECTED = 10_000;
const MAX_REPORTED = 1_000;

type Resolve = (waited: Waited) => void;

export class Waiters {
  private readonly waiting = new Map<string, Set<Resolve>>();
  /** Executions that somebody is about to wait for, and what they have come to meanwhile. */
  private readonly expected = new BoundedMap<string, Waited | null>(MAX_EXPECTED);
  /** Executions that could not be read. */
  private readonly reported = new BoundedMap<string, true>(MAX_REPORTED);
  private isReleased = false;

  constructor(private readonly options: WaitersOptions) {}

  /** Whether anybody waits, or is about to. */
  get isWaiting(): boolean {
    return this.waiting.size > 0 || this.expected.size > 0;
  }

  /** Somebody is about to wait for this execution, which has not been accepted yet. */
  expect(executionId: string): void {
    this.expected.set(executionId, null);
  }

  forget(executionId: string): void {
    this.expected.delete(executionId);
  }

  /** Whether an answer is wanted here, so that its caller need not make one for nobody. */
  wants(executionId: string): boolean {
    return this.waiting.has(executionId) || this.expected.has(executionId);
  }

  /** An execution has ended in this process. */
  ended(executionId: string, waited: Waited): void {
    if (this.expected.has(executionId)) this.expected.set(executionId, waited);
    for (const resolve of this.waiting.get(executionId) ?? []) resolve(waited);
  }

  /** Ends every wait, now and from now on. */
  release(): void {
    this.isReleased = true;
    for (const resolvers of this.waiting.values()) {
      for (const resolve of resolvers) resolve({ kind: "timed-out" });
    }
  }

  async wait(executionId: string, { timeoutMs, signal }: WaitOptions): Promise<Waited> {
    const early = this.expected.get(executionId);
    const isExpected = early !== undefined;
    this.expected.delete(executionId);
    if (early) return early;
    const { promise, resolve } = Promise.withResolvers<Waited>();
    const resolvers = this.waiting.get(executionId) ?? new Set();
    this.waiting.set(executionId, resolvers.add(resolve));
    const timedOut = () => resolve({ kind: "timed-out" });
    const timer = setTimeout(timedOut, timeoutMs);
    signal.addEventListener("abort", timedOut, { once: true });
    if (signal.aborted || this.isReleased) timedOut();
    const over = new AbortController();
    void this.watch(executionId, { looksAtOnce: !isExpected, resolve, signal: over.signal });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", timedOut);
      over.abort();
      resolvers.delete(resolve);
      if (resolvers.size === 0) this.waiting.delete(executionId);
    }
  }

  /** Looks when another process says that it has ended, each second, and after each outage. */
  private async watch(
    executionId: string,
    options: { looksAtOnce: boolean; resolve: Resolve; signal: AbortSignal },
  ): Promise<void> {
    const { looksAtOnce, resolve, signal } = options;
    const subscription = this.options.wakeUps.subscribe(executionId);
    try {
      if (!looksAtOnce) await subscription.next(LOOK_EVERY_MS, signal);
      while (!signal.aborted) {
        const waited = await this.look(executionId);
        if (waited !== null) return resolve(waited);
        await subscription.next(LOOK_EVERY_MS, signal);
      }
    } finally {
      subscription.close();
    }
  }

  private async look(executionId: string): Promise<Waited | null> {
    try {
      return await this.options.ends.read(executionId);
    } catch (error) {
      // It is asked again in a second, until the caller's time is over. An outage is reported by the link.
      if (!(error instanceof ValkeyUnavailable)) this.logOnce(error, executionId);
      return null;
    }
  }

  /** Once for each: it is looked at every second. */
  private logOnce(error: unknown, executionId: string): void {
    if (this.reported.has(executionId)) return;
    this.reported.set(executionId, true);
    this.options.log.error({ err: error, execution_id: executionId }, "execution.unread");
  }
}
