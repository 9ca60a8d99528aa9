// Waits on a connection of its own until an answer to a task is there, and takes nothing.
import { Link } from "../../valkey/connection/link.ts";
import { ValkeyFull, ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { queueKeys } from "../../valkey/keys.ts";
import { BlindWait } from "../../valkey/queue/blind-wait.ts";
import type { WorkerLog } from "../../log.ts";
import type { WakeUp } from "../../worker/wake-up.ts";

const BLOCK_S = 8;
/** Longer than the block: a frozen server does not answer at all. */
const DEADLINE_MS = 9_500;
const PAUSE_AFTER_ERROR_MS = 500;

export class AnswersWait {
  private readonly link: Link;
  private readonly wait: BlindWait;
  private isWaiting = false;
  private isClosed = false;

  constructor(
    private readonly options: { url: string; list: string; due: WakeUp; log: WorkerLog },
  ) {
    const { url, list } = options;
    this.link = new Link({ url, name: "fluxhook-wait", deadlineMs: DEADLINE_MS }).open();
    // Users' programs push on the right.
    this.wait = new BlindWait(this.link, queueKeys(list), "LEFT");
  }

  /** Notifies `due` once, as soon as the list is not empty. */
  watchOnce(): void {
    if (this.isWaiting || this.isClosed) return;
    this.isWaiting = true;
    void this.watch().finally(() => {
      this.isWaiting = false;
      this.options.due.notify();
    });
  }

  close(): void {
    this.isClosed = true;
    this.link.close();
  }

  private async watch(): Promise<void> {
    while (!this.isClosed) {
      try {
        await this.link.whenUp();
        const found = await this.wait.forElement(BLOCK_S);
        if (found === "element") return;
        if (found === "nothing") continue;
        // Refused at the memory limit: the list is looked at now and then.
      } catch (error) {
        if (error instanceof ValkeyUnavailable) continue;
        if (!(error instanceof ValkeyFull))
          this.options.log.error({ err: error }, "answers.failed");
      }
      await Bun.sleep(PAUSE_AFTER_ERROR_MS);
      return;
    }
  }
}
