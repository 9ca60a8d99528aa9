// Receives the messages of channels, on a connection of its own that comes back by itself after any outage.
// Messages that are published while there is no connection are lost.
import { ValkeyUnavailable } from "./errors.ts";
import { Link } from "./link.ts";

/** A subscriber sends no commands, so only a ping shows that its connection is dead. */
const PING_EVERY_MS = 1_000;
const DEADLINE_MS = 1_500;

export interface SubscriberOptions {
  url: string;
  /** The connection's name in `CLIENT LIST`. */
  name: string;
  channels: readonly string[];
  onMessage: (channel: string, text: string) => void;
  /** Called when the channels are subscribed, after each outage too: messages may have been lost. */
  onSubscribed?: () => void;
  onLost?: () => void;
  /** Called if Valkey refuses: its ACL may deny a channel. */
  onError: (error: unknown) => void;
}

export class Subscriber {
  private readonly link: Link;
  private pings: Timer | null = null;

  constructor(private readonly options: SubscriberOptions) {
    const { url, name, onLost } = options;
    this.link = new Link({
      url,
      name,
      deadlineMs: DEADLINE_MS,
      onUp: () => this.run(() => this.receive()),
      onDown: () => onLost?.(),
    });
  }

  open(): this {
    this.link.open();
    return this;
  }

  close(): void {
    this.stopPings();
    this.link.close();
  }

  /** Pings, so that a dead connection is noticed. An idle process sends none. */
  startPings(): void {
    this.pings ??= setInterval(() => this.run(() => this.ping()), PING_EVERY_MS);
  }

  stopPings(): void {
    if (this.pings) clearInterval(this.pings);
    this.pings = null;
  }

  private async receive(): Promise<void> {
    const { channels, onMessage, onSubscribed } = this.options;
    await this.link.run((client) => {
      client.on("message", onMessage);
      return client.subscribe(...channels);
    });
    onSubscribed?.();
  }

  private async ping(): Promise<void> {
    if (this.link.isUp) await this.link.run((client) => client.ping());
  }

  private run(step: () => Promise<void>): void {
    step().catch((error: unknown) => {
      // The link reconnects by itself and subscribes again.
      if (!(error instanceof ValkeyUnavailable)) this.options.onError(error);
    });
  }
}
