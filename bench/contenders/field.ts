// The field of contenders. BullMQ's concurrency is tuned once per run and runtime: it is to stand at
// its best.
import { runBacklog } from "../backlog-run.ts";
import type { Bench } from "../bench.ts";
import { oneWebhookEach } from "../workload.ts";
import { bareLoop } from "./bare-loop.ts";
import { bullmq } from "./bullmq.ts";
import type { Contender, ContenderName } from "./contender.ts";
import { fluxhook } from "./fluxhook.ts";
import { naive } from "./naive.ts";

const TRIED = [64, 128, 256];
const TRIED_EVENTS = 15_000;
const TRIED_WARM_UP = 5_000;

export class Field {
  private readonly tuned = new Map<string, Promise<Contender>>();
  /** What was found, for the report. */
  readonly notes: string[] = [];

  constructor(
    private readonly bench: Bench,
    private readonly asked: readonly ContenderName[],
  ) {}

  async pick(names: readonly ContenderName[], { tunes = true } = {}): Promise<Contender[]> {
    const picked: Contender[] = [];
    for (const name of names) {
      if (this.asked.includes(name)) picked.push(await this.make(name, tunes));
    }
    return picked;
  }

  private async make(name: ContenderName, tunes: boolean): Promise<Contender> {
    if (name === "bare") return bareLoop;
    if (name === "naive") return naive;
    if (name === "fluxhook") return fluxhook(this.bench.binary);
    const runtime = name === "bullmq-bun" ? "bun" : "node";
    if (!tunes) return bullmq(runtime, TRIED[0]!);
    const tuned = this.tuned.get(name) ?? this.tune(runtime);
    this.tuned.set(name, tuned);
    return tuned;
  }

  private async tune(runtime: "bun" | "node"): Promise<Contender> {
    let best = { concurrency: TRIED[0]!, perSecond: 0 };
    for (const concurrency of TRIED) {
      this.bench.progress(`BullMQ on ${runtime}: ${concurrency} at a time is tried`);
      const { per_second: perSecond = 0 } = await runBacklog(this.bench, {
        contender: bullmq(runtime, concurrency),
        events: this.bench.quick ? TRIED_EVENTS / 3 : TRIED_EVENTS,
        warmUpEvents: TRIED_WARM_UP,
        workload: (base) => oneWebhookEach(base, 1),
      });
      if (perSecond > best.perSecond) best = { concurrency, perSecond };
    }
    this.notes.push(
      `BullMQ on ${runtime}: best at ${best.concurrency} jobs at a time, of ${TRIED.join(", ")}`,
    );
    return bullmq(runtime, best.concurrency);
  }
}
