// Wakes up callers that wait for an answer, or for a request to their session. A wake-up is a message on
// one channel of Valkey that carries only a name: the caller then reads Valkey. So a wake-up that is lost
// costs time, and one that comes twice costs a read; neither loses a request.
import { Link } from "../valkey/connection/link.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";

/** A subscriber sends no commands, so only a ping shows that its connection is dead. */
const PING_EVERY_MS = 1_000;
const DEADLINE_MS = 1_500;

/** Receives the wake-ups of one name from the time it was made. */
export interface Subscription {
  /**
   * Resolves on the first wake-up since the last call, after `ms`, or when `signal` is aborted. It may also
   * resolve without a wake-up, after an outage.
   */
  next(ms: number, signal?: AbortSignal): Promise<void>;
  close(): void;
}

export interface WakeUpsOptions {
  url: string;
  channel: string;
  onError: (error: unknown) => void;
}

interface Subscriber {
  /** A wake-up has come that `next` has not returned yet. */
  isPending: boolean;
  resolve: (() => void) | null;
}

export class WakeUps {
  private readonly subscribers = new Map<string, Set<Subscriber>>();
  private readonly link: Link;
  private pings: Timer | null = null;
  private isOpen = false;

  constructor(private readonly options: WakeUpsOptions) {
    this.link = new Link({
      url: options.url,
      name: "fluxhook-listen-bell",
      deadlineMs: DEADLINE_MS,
      onUp: () => this.run(() => this.receive()),
    });
  }

  close(): void {
    if (this.pings) clearInterval(this.pings);
    this.pings = null;
    this.link.close();
    this.wakeAll();
  }

  /** The first call opens the connection: a process that never waits has none. */
  subscribe(name: string): Subscription {
    if (!this.isOpen) this.link.open();
    this.isOpen = true;
    const subscriber: Subscriber = { isPending: false, resolve: null };
    const subscribers = this.subscribers.get(name) ?? new Set();
    this.subscribers.set(name, subscribers.add(subscriber));
    this.pings ??= setInterval(() => this.run(() => this.ping()), PING_EVERY_MS);
    return {
      next: (ms, signal) => next(subscriber, ms, signal),
      close: () => {
        subscribers.delete(subscriber);
        if (subscribers.size === 0 && this.subscribers.get(name) === subscribers)
          this.subscribers.delete(name);
        if (this.subscribers.size > 0 || this.pings === null) return;
        clearInterval(this.pings);
        this.pings = null;
      },
    };
  }

  private async receive(): Promise<void> {
    await this.link.run((client) => {
      client.on("message", (_channel: string, name: string) => this.wake(name));
      return client.subscribe(this.options.channel);
    });
    // Wake-ups may have been lost while there was no connection.
    this.wakeAll();
  }

  private async ping(): Promise<void> {
    if (this.link.isUp) await this.link.run((client) => client.ping());
  }

  private run(step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      // The link reconnects by itself and subscribes again. If Valkey's ACL denies the channel, callers
      // find requests and answers when `next` returns after `ms`.
      if (!(error instanceof ValkeyUnavailable)) this.options.onError(error);
    });
  }

  private wake(name: string): void {
    for (const subscriber of this.subscribers.get(name) ?? []) {
      subscriber.isPending = true;
      subscriber.resolve?.();
    }
  }

  private wakeAll(): void {
    for (const name of this.subscribers.keys()) this.wake(name);
  }
}

async function next(subscriber: Subscriber, ms: number, signal?: AbortSignal): Promise<void> {
  if (!subscriber.isPending && !signal?.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => resolve(), { once: true });
    subscriber.resolve = resolve;
    await promise;
    clearTimeout(timer);
    subscriber.resolve = null;
  }
  subscriber.isPending = false;
}
