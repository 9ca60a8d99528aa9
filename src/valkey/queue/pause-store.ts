// Webhooks whose receiver asked for a pause (`Retry-After`). A webhook may get deliveries from any queue,
// so the first queue keeps the pauses of all; a claim from it reports them to every worker.
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

  /** No worker sends to the webhook for `forMs`. */
  async pause(webhookId: string, forMs: number): Promise<void> {
    await this.link.run((client) =>
      pauseScript.run(client, [this.key], [webhookId, Math.ceil(forMs)]),
    );
  }

  /** Ends a pause early: the webhook was changed or enabled. */
  async end(webhookId: string): Promise<void> {
    await this.link.run((client) => client.zrem(this.key, webhookId));
  }
}
