// Waits on a connection of its own until a list is not empty, and takes nothing from it.
import { Link } from "../../valkey/connection/link.ts";
import { BlindWait } from "../../valkey/queue/blind-wait.ts";
import { ValkeyFull, ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { WorkerLog } from "../../worker-log.ts";

const BLOCK_S = 2;
/** Longer than the block: a frozen server answers nothing at all. */
const DEADLINE_MS = 3_500;
const PAUSE_AFTER_ERROR_MS = 250;
/** A list that stays unusable is logged so often. */
const LOG_EVERY_MS = 10_000;

export class ListWait {
  private readonly link: Link;
  private waiting = false;
  private closed = false;
  private loggedAt = Number.NEGATIVE_INFINITY;
  private readonly blindWait: BlindWait;

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
    this.blindWait = new BlindWait(this.link, options.queue, options.end);
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
    const { queue, log } = this.options;
    while (!this.closed) {
      try {
        await this.link.whenUp();
        const found = await this.blindWait.forElement(BLOCK_S);
        if (found === "element") return;
        if (found === "nothing") continue;
        // At the memory limit it is refused, but the claim is not: let that ask now and then.
      } catch (error) {
        if (error instanceof ValkeyUnavailable) continue;
        const now = performance.now();
        if (!(error instanceof ValkeyFull) && now - this.loggedAt >= LOG_EVERY_MS) {
          this.loggedAt = now;
          log.warn({ err: error, queue }, "list.wait_failed");
        }
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_ERROR_MS));
      return;
    }
  }
}
