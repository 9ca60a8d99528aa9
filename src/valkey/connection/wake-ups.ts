// Wakes up callers that wait for something that another process does. A wake-up is a message on one
// channel of Valkey that carries only a name: the caller then reads Valkey. So a wake-up that is lost
// costs time, and one that comes twice costs a read; neither loses a request.
import { Subscriber } from "./subscriber.ts";

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
  /** The name of the connection in `CLIENT LIST`. */
  name: string;
  channel: string;
  onError: (error: unknown) => void;
}

interface Waiter {
  /** A wake-up has come that `next` has not returned yet. */
  isPending: boolean;
  resolve: (() => void) | null;
}

export class WakeUps {
  private readonly subscribers = new Map<string, Set<Waiter>>();
  private readonly channel: Subscriber;
  private isOpen = false;

  constructor({ url, name, channel, onError }: WakeUpsOptions) {
    this.channel = new Subscriber({
      url,
      name,
      channels: [channel],
      onMessage: (_channel, whom) => this.wake(whom),
      // Wake-ups may have been lost while there was no connection.
      onSubscribed: () => this.wakeAll(),
      // If Valkey's ACL denies the channel, callers find requests and answers when `next` returns after `ms`.
      onError,
    });
  }

  close(): void {
    this.channel.close();
    this.wakeAll();
  }

  /** The first call opens the connection: a process that never waits has none. */
  subscribe(name: string): Subscription {
    if (!this.isOpen) this.channel.open();
    this.isOpen = true;
    const subscriber: Waiter = { isPending: false, resolve: null };
    const subscribers = this.subscribers.get(name) ?? new Set();
    this.subscribers.set(name, subscribers.add(subscriber));
    this.channel.startPings();
    return {
      next: (ms, signal) => next(subscriber, ms, signal),
      close: () => {
        subscribers.delete(subscriber);
        if (subscribers.size === 0 && this.subscribers.get(name) === subscribers)
          this.subscribers.delete(name);
        if (this.subscribers.size === 0) this.channel.stopPings();
      },
    };
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

async function next(subscriber: Waiter, ms: number, signal?: AbortSignal): Promise<void> {
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
