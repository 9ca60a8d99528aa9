// What is broken and needs the operator: the first thing that the overview shows. Pure: of figures that were read.
import type { Figures, QueueFigures } from "../valkey/history/stats-store.ts";
import type { ParkedLimits } from "../valkey/queue/parked-store.ts";
import { formatDuration } from "../wire/duration.ts";
import type { WebhookRecord } from "../wire/webhook.ts";

export const NEED_KINDS = [
  "webhook-disabled",
  "no-worker",
  "worker-silent",
  "queue-delayed",
  "parked",
  "parked-full",
  "rejected",
  "rejected-full",
  "valkey-append-only",
  "valkey-eviction",
  "valkey-memory",
] as const;

export interface Need {
  kind: (typeof NEED_KINDS)[number];
  /** A webhook's id, a list, a worker's host. */
  about: string;
  message: string;
  /** RFC 3339; null if it is not known. */
  since: string | null;
  count: number;
}

export interface NeedLimits {
  parked: ParkedLimits;
  rejectedMax: number;
  alertAgeMs: number;
}

const NEAR_SHARE = 0.8;
const FULL_SHARE = 0.8;
/** Heartbeats come every 2 s, and after 10 s without one others take over. */
const SILENT_MS = 6_000;
const MAX_WEBHOOKS = 20;

/** `disabled`: webhooks that are disabled, the last one first. */
export function needsOf(
  figures: Figures,
  oldestMs: ReadonlyMap<string, number>,
  disabled: readonly WebhookRecord[],
  limits: NeedLimits,
): Need[] {
  return [
    ...disabled.filter(isBroken).slice(0, MAX_WEBHOOKS).map(disabledWebhook),
    ...figures.queues.flatMap((queue) => ofQueue(queue, oldestMs.get(queue.name) ?? 0, limits)),
    ...ofRejected(figures.rejected, limits.rejectedMax),
    ...ofServer(figures.server),
  ];
}

/** Its owner's own choice needs nobody. */
function isBroken({ enabled, disabled_reason }: WebhookRecord): boolean {
  return !enabled && disabled_reason !== "manual";
}

function disabledWebhook(record: WebhookRecord): Need {
  const why =
    record.disabled_reason === "gone"
      ? "its receiver answered 410 Gone"
      : record.disabled_reason === "failing"
        ? "it failed as often or as long as its disable rule allows"
        : `it is disabled: ${record.disabled_reason ?? "unknown"}`;
  const message = `${hostOf(record.url)} is disabled: ${why}; its events are parked`;
  return need("webhook-disabled", record.id, message, 1, record.updated_at);
}

function ofQueue(queue: QueueFigures, oldestMs: number, limits: NeedLimits): Need[] {
  const { name, depth, parked, parkedBytes, workers } = queue;
  const needs: Need[] = [];
  if (workers.length === 0) {
    const waiting = depth === 0 ? "" : `; ${depth} wait on the list`;
    needs.push(need("no-worker", name, `no worker takes events from ${name}${waiting}`, depth));
  }
  for (const { id, sinceBeatMs, info } of workers) {
    if (sinceBeatMs < SILENT_MS) continue;
    const worker = info?.host ?? id;
    const message = `the worker on ${worker} has been silent for ${shown(sinceBeatMs)}; others take over what it held`;
    needs.push(need("worker-silent", worker, message, 1));
  }
  if (oldestMs >= limits.alertAgeMs) {
    const message = `the oldest event has waited on ${name} for ${shown(oldestMs)}`;
    needs.push(need("queue-delayed", name, message, depth));
  }
  if (parked === 0) return needs;
  const share = Math.max(
    parked / limits.parked.maxDeliveries,
    parkedBytes / limits.parked.maxBytes,
  );
  if (share >= NEAR_SHARE) {
    const message = `parked deliveries of ${name} use ${percent(share)} of what may be kept: at 100 % the oldest are lost`;
    needs.push(need("parked-full", name, message, parked));
  } else {
    const message = `${parked} parked ${parked === 1 ? "delivery" : "deliveries"} of ${name} can be redelivered`;
    needs.push(need("parked", name, message, parked));
  }
  return needs;
}

function ofRejected(rejected: number, max: number): Need[] {
  if (rejected === 0) return [];
  if (rejected >= max * NEAR_SHARE) {
    const message = `${rejected} of ${max} rejected elements are kept: beyond that the oldest are lost`;
    return [need("rejected-full", "rejected", message, rejected)];
  }
  const message = `${rejected} ${rejected === 1 ? "element was" : "elements were"} rejected; the reason names the field to correct`;
  return [need("rejected", "rejected", message, rejected)];
}

function ofServer({
  appendOnly,
  evictionPolicy,
  maxMemory,
  usedMemory,
}: Figures["server"]): Need[] {
  const needs: Need[] = [];
  if (appendOnly === false) {
    const message = "Valkey has no append-only file: if it is killed, acknowledged events are lost";
    needs.push(need("valkey-append-only", "valkey", message, 1));
  }
  if (evictionPolicy !== null && evictionPolicy !== "noeviction") {
    const message = `Valkey's maxmemory-policy is ${evictionPolicy}: at its memory limit it deletes webhooks and deliveries`;
    needs.push(need("valkey-eviction", "valkey", message, 1));
  }
  const share = maxMemory === null || usedMemory === null ? 0 : usedMemory / maxMemory;
  if (share >= FULL_SHARE) {
    const message = `Valkey uses ${percent(share)} of its memory: at the limit it refuses events`;
    needs.push(need("valkey-memory", "valkey", message, 1));
  }
  return needs;
}

function need(
  kind: Need["kind"],
  about: string,
  message: string,
  count: number,
  since: string | null = null,
): Need {
  return { kind, about, message, since, count };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "a webhook";
}

function shown(ms: number): string {
  return formatDuration(Math.round(ms / 1_000) * 1_000);
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
