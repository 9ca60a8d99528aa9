// Tells waiters that something has come: an answer, or a request for their session. A ring says only
// that, what has come is in Valkey; so a ring that is lost, or comes twice, costs nothing but time.
import { Link } from "../valkey/connection/link.ts";
import { ValkeyUnavailable } from "../valkey/connection/errors.ts";

/** A subscriber sends nothing, so a dead connection would go unnoticed. */
const PING_EVERY_MS = 1_000;
const DEADLINE_MS = 1_500;

/** Hears the rings of one name from when it is made. */
export interface Ear {
  /** When it has rung since the last call, or may have; after `ms`; or when `signal` is aborted. */
  rung(ms: number, signal?: AbortSignal): Promise<void>;
  close(): void;
}

export interface ListenBellOptions {
  url: string;
  channel: string;
  onError: (error: unknown) => void;
}

interface Hearing {
  hasRung: boolean;
  wake: (() => void) | null;
}

export class ListenBell {
  private readonly hearings = new Map<string, Set<Hearing>>();
  private readonly link: Link;
  private pings: Timer | null = null;
  private isOpen = false;

  constructor(private readonly options: ListenBellOptions) {
    this.link = new Link({
      url: options.url,
      name: "fluxhook-listen-bell",
      deadlineMs: DEADLINE_MS,
      onUp: () => this.run(() => this.subscribe()),
    });
  }

  close(): void {
    if (this.pings) clearInterval(this.pings);
    this.pings = null;
    this.link.close();
    this.ringAll();
  }

  /** The first one opens the connection: whoever never listens has none. */
  ear(name: string): Ear {
    if (!this.isOpen) this.link.open();
    this.isOpen = true;
    const hearing: Hearing = { hasRung: false, wake: null };
    const hearings = this.hearings.get(name) ?? new Set();
    this.hearings.set(name, hearings.add(hearing));
    this.pings ??= setInterval(() => this.run(() => this.ping()), PING_EVERY_MS);
    return {
      rung: (ms, signal) => rung(hearing, ms, signal),
      close: () => {
        hearings.delete(hearing);
        if (hearings.size === 0 && this.hearings.get(name) === hearings) this.hearings.delete(name);
        if (this.hearings.size > 0 || this.pings === null) return;
        clearInterval(this.pings);
        this.pings = null;
      },
    };
  }

  private async subscribe(): Promise<void> {
    await this.link.run((client) => {
      client.on("message", (_channel: string, name: string) => this.ring(name));
      return client.subscribe(this.options.channel);
    });
    // Whatever rang while there was no connection.
    this.ringAll();
  }

  private async ping(): Promise<void> {
    if (this.link.isUp) await this.link.run((client) => client.ping());
  }

  private run(step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      // The link comes back by itself, and subscribes again. Where Valkey's ACL denies the channel,
      // waiters find what has come when they look by themselves.
      if (!(error instanceof ValkeyUnavailable)) this.options.onError(error);
    });
  }

  private ring(name: string): void {
    for (const hearing of this.hearings.get(name) ?? []) {
      hearing.hasRung = true;
      hearing.wake?.();
    }
  }

  private ringAll(): void {
    for (const name of this.hearings.keys()) this.ring(name);
  }
}

async function rung(hearing: Hearing, ms: number, signal?: AbortSignal): Promise<void> {
  if (!hearing.hasRung && !signal?.aborted) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => resolve(), { once: true });
    hearing.wake = resolve;
    await promise;
    clearTimeout(timer);
    hearing.wake = null;
  }
  hearing.hasRung = false;
}
