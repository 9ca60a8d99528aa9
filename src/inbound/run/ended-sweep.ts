// Removes ended executions past their TTL or above a cap. A process that ends executions sweeps after every few
// hundred of them, so that a cap is passed by no more than that for each process. An idle one sweeps rarely.
import type { ExecutionStore } from "../../valkey/inbound/execution-store.ts";
import type { WorkerLog } from "../../log.ts";

/** As many as one step of a sweep removes: a command for 256 executions. */
export const SWEEP_AFTER_ENDED = 256;
/** While nothing ends here, only TTLs run out, and other processes sweep what they end. */
const SWEEP_EVERY_IDLE_BEATS = 5;

export class EndedSweep {
  /** Since the last sweep. */
  private ended = 0;
  private beats = 0;
  private isSweeping = false;

  constructor(
    private readonly store: Pick<ExecutionStore, "sweep">,
    private readonly log: WorkerLog,
  ) {}

  /** Executions have ended in this process. */
  add(count: number): void {
    this.ended += count;
    if (this.ended < SWEEP_AFTER_ENDED || this.isSweeping) return;
    this.sweep().catch((error: unknown) => this.log.warn({ err: error }, "sweep.failed"));
  }

  /** Called with each heartbeat. */
  async run(): Promise<void> {
    this.beats += 1;
    const isDue = this.ended > 0 || this.beats % SWEEP_EVERY_IDLE_BEATS === 1;
    if (isDue && !this.isSweeping) await this.sweep();
  }

  private async sweep(): Promise<void> {
    this.isSweeping = true;
    this.ended = 0;
    try {
      const { capped } = await this.store.sweep();
      if (capped > 0) this.log.info({ executions: capped }, "executions.fell_out");
    } finally {
      this.isSweeping = false;
    }
  }
}
