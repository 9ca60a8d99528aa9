// Keeps the pauses that receivers asked for (`Retry-After`). A webhook may get deliveries from any queue, so the
// first queue keeps the pauses of all queues; a claim from it reports them to every worker.
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import { queueKeys } from "../keys.ts";
import pauseText from "../scripts/pause.lua" with { type: "text" };

const pauseScript = new Script(pauseText);

export class PauseStore {
  private readonly key: string;

  constructor(
    private readonly link: StoreLink,
    queues: readonly string[],
  ) {
    this.key = queueKeys(queues[0] ?? "").paused;
  }

  /** Stops every worker from sending to the webhook for `forMs`. */
  async pause(webhookId: string, forMs: number): Promise<void> {
    await this.link.run((client) =>
      pauseScript.run(client, [this.key], [webhookId, Math.ceil(forMs)]),
    );
  }

  /** Ends a pause early, after the webhook was changed or enabled. */
  async end(webhookId: string): Promise<void> {
    await this.link.run((client) => client.zrem(this.key, webhookId));
  }
}
