// The series: what all processes have counted, in steps of 10 s for two hours and of a minute for a day. One hash
// for each step, about 410 bytes for any number of webhooks, so all of it stays below 1.2 MB.
import { randomBytes } from "node:crypto";
import type { SeriesWrite } from "../../stats/series-writer.ts";
import type { QueueGauges } from "../../stats/series-window.ts";
import type { StoreLink } from "../connection/link.ts";
import { Script } from "../connection/script.ts";
import { queueKeys, type SharedKeys } from "../keys.ts";
import seriesText from "../scripts/series.lua" with { type: "text" };

const seriesScript = new Script(seriesText);

const HOUR_MS = 3_600_000;
/** The resolutions, and how long each is kept: longer than it is shown, so that the oldest step is whole. */
export const RESOLUTIONS = [
  { stepS: 10, keptMs: 2 * HOUR_MS },
  { stepS: 60, keptMs: 25 * HOUR_MS },
] as const;

/** A write whose reply was lost is repeated within this. */
const REPEATED_WITHIN_MS = HOUR_MS;
/** Hashes that are read in one pipeline; between two, other commands run. */
const READ_AT_ONCE = 200;

/** The fields of one step; null if nothing was counted in it. */
export type SeriesStep = ReadonlyMap<string, number> | null;

export class SeriesStore {
  /** A process that starts again begins its numbers again. */
  private readonly process = randomBytes(6).toString("hex");

  constructor(
    private readonly link: StoreLink,
    private readonly keys: SharedKeys,
    private readonly queues: readonly string[],
  ) {}

  /** Adds what this process has counted. The same write twice counts once. */
  async add({ number, atMs, counts, gauges }: SeriesWrite): Promise<void> {
    const { keys } = this;
    const hashes = RESOLUTIONS.map(({ stepS }) => keys.series(stepS, stepOf(atMs, stepS)));
    await this.link.run((client) =>
      seriesScript.run(
        client,
        [keys.seriesWriter(this.process), ...hashes],
        [
          number,
          REPEATED_WITHIN_MS,
          ...RESOLUTIONS.map(({ keptMs }) => keptMs),
          counts.length,
          ...counts.flat(),
          ...gauges.flat(),
        ],
      ),
    );
  }

  /** Reads what is on the schedule and parked, of each queue; what cannot be read is left out. */
  async gauges(): Promise<Map<string, QueueGauges>> {
    const replies = await this.link.run(async (client) => {
      const pipeline = client.pipeline();
      for (const queue of this.queues) {
        const { schedule, parked } = queueKeys(queue);
        pipeline.zcard(schedule).zcard(parked);
      }
      return (await pipeline.exec()) ?? [];
    });
    return new Map(
      this.queues.map((queue, at) => [
        queue,
        { scheduled: numberIn(replies[2 * at]), parkedNow: numberIn(replies[2 * at + 1]) },
      ]),
    );
  }

  /** Returns `steps` steps, the oldest first; the last one is that of `nowMs`. */
  async read(stepS: number, steps: number, nowMs: number): Promise<SeriesStep[]> {
    const first = stepOf(nowMs, stepS) - (steps - 1) * stepS;
    const found: SeriesStep[] = [];
    while (found.length < steps) {
      const from = found.length;
      const size = Math.min(READ_AT_ONCE, steps - from);
      const replies = await this.link.run(async (client) => {
        const pipeline = client.pipeline();
        for (let at = 0; at < size; at += 1) {
          // Not `hgetall`, which makes an object: the name of a queue is part of some fields.
          pipeline.call("HGETALL", this.keys.series(stepS, first + (from + at) * stepS));
        }
        return (await pipeline.exec()) ?? [];
      });
      for (let at = 0; at < size; at += 1) found.push(stepIn(replies[at]?.[1]));
    }
    return found;
  }
}

/** Returns the beginning of the step, in Unix seconds. */
export function stepOf(atMs: number, stepS: number): number {
  return Math.floor(atMs / 1_000 / stepS) * stepS;
}

function numberIn(reply: [Error | null, unknown] | undefined): number | undefined {
  return typeof reply?.[1] === "number" ? reply[1] : undefined;
}

/** Another program may have written the key: what is no number is left out. */
function stepIn(reply: unknown): SeriesStep {
  if (!Array.isArray(reply) || reply.length === 0) return null;
  const step = new Map<string, number>();
  for (let at = 0; at + 1 < reply.length; at += 2) {
    const value = Number(reply[at + 1]);
    if (Number.isFinite(value)) step.set(String(reply[at]), value);
  }
  return step;
}
