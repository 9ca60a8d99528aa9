// The channel on which workers publish attempts for `GET /v1/stream`, and the keys by which a process with
// viewers tells them to.
import type { StoreLink } from "../connection/link.ts";
import { queueKeys, type SharedKeys } from "../keys.ts";

/** A process that has died is forgotten after this. */
export const WATCHED_MS = 5_000;

export class LiveStore {
  private readonly watched: string[];

  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    queues: readonly string[],
  ) {
    this.watched = queues.map((queue) => queueKeys(queue).watched);
  }

  /** Publishes what `readLive` reads. Returns how many processes of this node got it. */
  publish(text: string): Promise<number> {
    return this.link.run((client) => client.publish(this.keys.live, text));
  }

  /** Says for `WATCHED_MS` that somebody looks; workers learn it with their next heartbeat. */
  async renew(): Promise<void> {
    await this.link.run((client) =>
      Promise.all(this.watched.map((key) => client.set(key, "1", "PX", WATCHED_MS))),
    );
  }
}
