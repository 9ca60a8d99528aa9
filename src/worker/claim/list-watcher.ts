// Waits on a connection of its own until a list is not empty, and takes nothing from it.
import { Link } from "../../valkey/connection/link.ts";
import { BlindWait } from "../../valkey/queue/blind-wait.ts";
import { ValkeyFull, ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { WorkerLog } from "../../log.ts";
import type { WakeUp } from "../wake-up.ts";

const BLOCK_S = 8;
/** Longer than the block: a frozen server does not answer at all. */
const DEADLINE_MS = 9_500;
const PAUSE_AFTER_ERROR_MS = 250;
/** How often a list that stays unusable is logged. */
const LOG_EVERY_MS = 10_000;

export class ListWatcher {
  private readonly link: Link;
  private readonly blindWait: BlindWait;
  private loggedAt = Number.NEGATIVE_INFINITY;
  /** True until it has notified. */
  isWaiting = false;
  private isClosed = false;

  constructor(
    private readonly options: {
      url: string;
      name: string;
      queue: string;
      /** The end that elements are taken from. `blpop` producers push right, and it takes from the left. */
      end: "RIGHT" | "LEFT";
      wakeUp: WakeUp;
      log: WorkerLog;
    },
  ) {
    this.link = new Link({ url: options.url, name: options.name, deadlineMs: DEADLINE_MS }).open();
    this.blindWait = new BlindWait(this.link, options.queue, options.end);
  }

  /** Notifies once, as soon as the list is not empty; it begins to watch after `pauseMs`. */
  watchOnce(pauseMs = 0): void {
    if (this.isWaiting || this.isClosed) return;
    this.isWaiting = true;
    void this.wait(pauseMs).finally(() => {
      this.isWaiting = false;
      if (!this.isClosed) this.options.wakeUp.notify();
    });
  }

  close(): void {
    this.isClosed = true;
    this.link.close();
  }

  private async wait(pauseMs: number): Promise<void> {
    const { queue, log } = this.options;
    if (pauseMs > 0) await Bun.sleep(pauseMs);
    while (!this.isClosed) {
      try {
        await this.link.whenUp();
        const found = await this.blindWait.forElement(BLOCK_S);
        if (found === "element") return;
        if (found === "nothing") continue;
        // At the memory limit the wait is refused but the claim is not: let the claimer ask now and then.
      } catch (error) {
        if (error instanceof ValkeyUnavailable) continue;
        const now = performance.now();
        if (!(error instanceof ValkeyFull) && now - this.loggedAt >= LOG_EVERY_MS) {
          this.loggedAt = now;
          log.warn({ err: error, queue }, "list.wait_failed");
        }
      }
      await Bun.sleep(PAUSE_AFTER_ERROR_MS);
      return;
    }
  }
}
