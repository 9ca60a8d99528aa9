// Reports keys that hold something else than Fluxhook keeps there. The worker meets such a key with every
// request, so it is logged only now and then, and raises an alert.
import { BoundedMap } from "../../bounded-map.ts";
import type { WorkerLog } from "../../log.ts";
import type { Alerter } from "./alerts.ts";

const REPORT_EVERY_MS = 10_000;

export class KeyProblems {
  private readonly reportedAt = new BoundedMap<string, number>(1_000);

  constructor(
    private readonly alerter: Pick<Alerter, "raise">,
    private readonly log: WorkerLog,
  ) {}

  /** Each problem names its key. */
  report(queue: string, problems: readonly string[]): void {
    const now = performance.now();
    for (const problem of problems) {
      if (now - (this.reportedAt.get(problem) ?? Number.NEGATIVE_INFINITY) < REPORT_EVERY_MS) {
        continue;
      }
      this.reportedAt.set(problem, now);
      this.log.error({ queue, problem }, "key.wrong_type");
      this.alerter.raise("key.wrong_type", { queue, message: problem });
    }
  }

  reportError(queue: string, { message, cause }: Error): void {
    this.report(queue, [cause instanceof Error ? `${message}: ${cause.message}` : message]);
  }
}
