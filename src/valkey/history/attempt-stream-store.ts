// The stream of attempts for the application (FLUXHOOK_ATTEMPTS_STREAM): its key and its form are public.
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import addText from "../scripts/add-attempts.lua" with { type: "text" };

const addScript = new Script(addText);

export class AttemptStreamStore {
  constructor(
    private readonly link: StoreLink,
    private readonly key: string,
    private readonly maxEntries: number,
  ) {}

  /** Adds attempts as JSON, the oldest first. */
  async add(attempts: readonly string[]): Promise<void> {
    await this.link.run((client) =>
      addScript.run(client, [this.key], [this.maxEntries, ...attempts]),
    );
  }
}
