// Waits on a connection of its own until a list is not empty. `BLMOVE q q RIGHT RIGHT` blocks like
// BLPOP and leaves the list as it is, so a lost reply loses nothing.
import { Link } from "../valkey/link.ts";
import { ValkeyFull, ValkeyUnavailable } from "../valkey/unavailable.ts";
import type { WorkerLog } from "./worker-log.ts";

const BLOCK_S = 2;
/** Longer than the block: a frozen server answers nothing at all. */
const DEADLINE_MS = 3_500;
const PAUSE_AFTER_ERROR_MS = 250;

export class ListWait {
  private readonly link: Link;
  private waiting = false;
  private closed = false;

  constructor(
    private readonly options: {
      url: string;
      name: string;
      queue: string;
      /** `blpop` producers push right, and its own pop takes from the left. */
      end: "RIGHT" | "LEFT";
      onElement: () => void;
      log: WorkerLog;
    },
  ) {
    this.link = new Link({ url: options.url, name: options.name, deadlineMs: DEADLINE_MS }).open();
  }

  /** `onElement` is called once, as soon as the list is not empty. */
  arm(): void {
    if (this.waiting || this.closed) return;
    this.waiting = true;
    void this.wait().finally(() => {
      this.waiting = false;
      if (!this.closed) this.options.onElement();
    });
  }

  close(): void {
    this.closed = true;
    this.link.close();
  }

  private async wait(): Promise<void> {
    const { queue, end, log } = this.options;
    while (!this.closed) {
      try {
        await this.link.whenUp();
        const found = await this.link.run((client) =>
          client.callBuffer("BLMOVE", [queue, queue, end, end, BLOCK_S]),
        );
        if (found !== null) return;
      } catch (error) {
        if (error instanceof ValkeyUnavailable) continue;
        // At the memory limit BLMOVE is refused, but the claim is not: let it ask now and then.
        if (!(error instanceof ValkeyFull)) log.warn({ err: error, queue }, "list.wait_failed");
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_ERROR_MS));
        return;
      }
    }
  }
}
