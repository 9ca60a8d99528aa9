// What a worker says of itself with each heartbeat.
import { z } from "zod";

export const workerInfoSchema = z.object({
  /** The same for all queues of one process. */
  process: z.string().min(1),
  host: z.string(),
  version: z.string(),
  started_at: z.string(),
  /** `FLUXHOOK_CONCURRENCY`. */
  slots: z.int().min(0),
  /** How many attempts are under way. */
  used: z.int().min(0),
  /** Claimed and not settled, over all queues of the process. */
  held: z.int().min(0),
  /** How long the oldest element of the list has waited, at least. */
  oldest_ms: z.number().min(0),
});

export type WorkerInfo = z.infer<typeof workerInfoSchema>;

/** Returns null for what another program wrote. */
export function readWorkerInfo(text: string | null): WorkerInfo | null {
  if (text === null) return null;
  try {
    return workerInfoSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
