// Follows the stream on which every process announces what it has changed, for everything that a process
// keeps in memory. One connection and one blocking read serve all who subscribe.
import { ValkeyUnavailable } from "./errors.ts";
import { Link } from "./link.ts";

/** A worker that falls further behind than this may miss changes, and its subscribers read again. */
export const MAX_CHANGES = 10_000;
const MAX_CHANGES_READ = 1_000;
const BLOCK_MS = 4_000;
/** Longer than the block: a frozen server does not answer at all. */
const FOLLOW_DEADLINE_MS = 5_500;

/** What was changed: the webhooks of an owner, or a workflow. Other kinds come from later versions. */
export interface Change {
  kind: string;
  id: string;
}

export interface ChangeSubscriber {
  /** Every change from now on will be reported. Earlier ones may have been missed. */
  onFollowing(): void;
  /** The connection was lost: changes may be missed. */
  onLost(): void;
  onChange(change: Change): void;
}

export interface ChangeStreamOptions {
  url: string;
  /** The connection's name in `CLIENT LIST`. */
  name: string;
  /** The key of the stream. */
  key: string;
  /** Called if the changes cannot be followed, and the reason is not an outage. */
  onError?: (error: unknown) => void;
}

export class ChangeStream {
  private readonly subscribers: ChangeSubscriber[] = [];
  private readonly link: Link;
  private closed = false;
  private following: Promise<void> = Promise.resolve();

  constructor(private readonly options: ChangeStreamOptions) {
    this.link = new Link({
      url: options.url,
      name: options.name,
      deadlineMs: FOLLOW_DEADLINE_MS,
      onDown: () => {
        for (const one of this.subscribers) one.onLost();
      },
    });
  }

  /** Must be called before `open`. */
  subscribe(subscriber: ChangeSubscriber): void {
    this.subscribers.push(subscriber);
  }

  open(): this {
    this.link.open();
    this.following = this.follow();
    return this;
  }

  async close(): Promise<void> {
    this.closed = true;
    this.link.close();
    await this.following;
  }

  private async follow(): Promise<void> {
    const { key } = this.options;
    while (!this.closed) {
      await this.link.whenUp();
      const connection = this.link.connections;
      try {
        // First the end of the stream, then the notice: later reads are at least as new as that.
        let after = await this.newest();
        this.startOver(connection);
        while (!this.closed && connection === this.link.connections) {
          const reply = await this.link.run((client) =>
            client.xread("COUNT", MAX_CHANGES_READ, "BLOCK", BLOCK_MS, "STREAMS", key, after),
          );
          const entries = reply?.[0]?.[1] ?? [];
          if (entries.length >= MAX_CHANGES_READ) {
            // It is so far behind that the stream may have been trimmed in between.
            after = await this.newest();
            this.startOver(connection);
            continue;
          }
          for (const [id, [kind = "", about = ""]] of entries) {
            after = id;
            for (const one of this.subscribers) one.onChange({ kind, id: about });
          }
        }
      } catch (error) {
        // After an outage the link reconnects by itself, and `onDown` has notified the subscribers.
        if (!(error instanceof ValkeyUnavailable)) this.options.onError?.(error);
        this.link.reset("following the changes failed");
      }
    }
  }

  private startOver(connection: number): void {
    if (connection !== this.link.connections || !this.link.isUp) return;
    for (const one of this.subscribers) one.onFollowing();
  }

  private async newest(): Promise<string> {
    const [newest] = await this.link.run((client) =>
      client.xrevrange(this.options.key, "+", "-", "COUNT", 1),
    );
    return newest?.[0] ?? "0-0";
  }
}
