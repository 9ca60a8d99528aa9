// The channel on which workers publish attempts for `GET /v1/stream`, and the keys by which a process with
// viewers tells them to.
import type { StoreLink } from "../connection/link.ts";
import { queueKeys, type SharedKeys } from "../keys.ts";

/** A process that has died is forgotten after this. */
export const WATCHED_MS = 5_000;

export type Watched = "attempts" | "executions";

export class LiveStore {
  private readonly watched: Readonly<Record<Watched, string[]>>;

  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    queues: { attempts: readonly string[]; executions: readonly string[] },
  ) {
    const keysOf = (names: readonly string[]) => names.map((name) => queueKeys(name).watched);
    this.watched = { attempts: keysOf(queues.attempts), executions: keysOf(queues.executions) };
  }

  /** Publishes what `readLive` or `readExecutions` reads. Returns how many processes of this node got it. */
  publish(text: string): Promise<number> {
    return this.link.run((client) => client.publish(this.keys.live, text));
  }

  /** Says for `WATCHED_MS` that somebody looks at these; workers learn it with their next heartbeat. */
  async renew(watched: Watched): Promise<void> {
    await this.link.run((client) =>
      Promise.all(this.watched[watched].map((key) => client.set(key, "1", "PX", WATCHED_MS))),
    );
  }
}
