// What this process says of itself with each heartbeat of a queue, for `GET /v1/stats`.
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { VERSION } from "../version.ts";
import type { WorkerInfo } from "../wire/worker-info.ts";

export function describeWorker(worker: {
  /** `FLUXHOOK_CONCURRENCY`. */
  slots: number;
  capacity: { readonly held: number };
  running: { readonly size: number };
  /** By queue. */
  lists: ReadonlyMap<string, { readonly ageMs: number }>;
}): (queue: string) => WorkerInfo {
  const always = {
    process: randomBytes(6).toString("hex"),
    host: hostname(),
    version: VERSION,
    started_at: new Date().toISOString(),
    slots: worker.slots,
  };
  return (queue) => ({
    ...always,
    used: worker.running.size,
    held: worker.capacity.held,
    oldest_ms: Math.round(worker.lists.get(queue)?.ageMs ?? 0),
  });
}
