// What an operator hears of keys that hold something else than Fluxhook keeps there. The worker meets
// such a key with each request; it is logged now and then, and alerted.
import type { Alerter } from "./alerts.ts";
import type { WorkerLog } from "../../worker-log.ts";

const EVERY_MS = 10_000;
const MOST_REMEMBERED = 1_000;

export class KeyProblems {
  private readonly toldAt = new Map<string, number>();

  constructor(
    private readonly alerter: Pick<Alerter, "raise">,
    private readonly log: WorkerLog,
  ) {}

  tell(queue: string, problems: readonly string[]): void {
    const now = performance.now();
    for (const problem of problems) {
      if (now - (this.toldAt.get(problem) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) continue;
      if (this.toldAt.size >= MOST_REMEMBERED) this.toldAt.clear();
      this.toldAt.set(problem, now);
      this.log.error({ queue, problem }, "key.wrong_type");
      this.alerter.raise("key.wrong_type", { queue, message: problem });
    }
  }

  tellError(queue: string, { message, cause }: Error): void {
    this.tell(queue, [cause instanceof Error ? `${message}: ${cause.message}` : message]);
  }
}
