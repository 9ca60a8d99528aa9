// Every key that Fluxhook uses (DESIGN §2.2). Keys that one script touches share a hash tag, so that
// Valkey Cluster works: a queue's own tag, or else its name.
import type { OwnerRef } from "../wire/owner.ts";

/** The keys of one queue; all in the queue's slot. */
export interface QueueKeys {
  /** The intake list itself. */
  queue: string;
  /** Stands before the keys that a script names itself, such as those of lanes. */
  base: string;
  /** Sorted set: worker → server time of its last heartbeat. */
  workers: string;
  /** List of items that run next: fanned out, put back, taken over, redelivered. */
  ready: string;
  /** Sorted set: delivery → server time at which it is due. */
  schedule: string;
  /** Hash: delivery → its item. */
  scheduled: string;
  /** Sorted set: webhook whose lane is not empty → when it was last served. */
  lanes: string;
  /** Hash: the bytes of fanned-out events, stored once. */
  events: string;
  /** Hash: how many deliveries still need such an event. */
  refs: string;
  /** Sorted set: delivery → when it was parked. */
  parked: string;
  /** Hash: delivery → its item. */
  parkedItems: string;
  /** Hash: parked delivery → where it is indexed (scripts/parked-index.lua). */
  parkedIndex: string;
  /** Hash: how far the index is known to be complete, and what is wrong with it. */
  parkedIndexState: string;
  /** Sorted set: webhook → how many of its deliveries are parked. */
  parkedWebhooks: string;
  /** Sorted set: delivery → when it was parked; of an owner, a webhook, a reason or an event type. */
  parkedOf(which: string): string;
  /** Hash: reason and event type → how many; of the queue (null), an owner or a webhook. */
  parkedCounts(which: string | null): string;
  /** Sorted set: webhook whose receiver asked for a pause → until when. */
  paused: string;
  /** Hash: what has ended, by kind; elements taken off the list; the bytes now parked. */
  stats: string;
  /** Hash: the worker's last claim number and where its batch lies. */
  worker(id: string): string;
  /** Hash: claim → item, of one worker. */
  claims(worker: string): string;
  idempotency(fingerprint: string): string;
}

export function queueKeys(queue: string): QueueKeys {
  const base = HASH_TAG.test(queue) ? queue : `{${queue}}`;
  return {
    queue,
    base,
    workers: `${base}:workers`,
    ready: `${base}:ready`,
    schedule: `${base}:schedule`,
    scheduled: `${base}:scheduled`,
    lanes: `${base}:lanes`,
    events: `${base}:events`,
    refs: `${base}:refs`,
    parked: `${base}:parked`,
    parkedItems: `${base}:parked-items`,
    parkedIndex: `${base}:parked-index`,
    parkedIndexState: `${base}:parked-index-state`,
    parkedWebhooks: `${base}:parked-webhooks`,
    parkedOf: (which) => `${base}:parked-of:${which}`,
    parkedCounts: (which) => `${base}:parked-counts${which === null ? "" : `:${which}`}`,
    paused: `${base}:paused`,
    stats: `${base}:stats`,
    worker: (id) => `${base}:worker:${id}`,
    claims: (worker) => `${base}:claims:${worker}`,
    idempotency: (fingerprint) => `${base}:idempotency:${fingerprint}`,
  };
}

/** As Valkey reads a tag: what stands between the first `{` and the next `}`, if it is not empty. */
const HASH_TAG = /^[^{]*\{[^}]+\}/;

/** The keys that belong to no queue. */
export interface SharedKeys {
  /** List, newest first: the last attempts of an owner's webhooks. Public. */
  logs(owner: OwnerRef): string;
  /** List, newest first: elements that are no valid event. Public. */
  rejected: string;
  rejectedBytes: string;
  /** List, newest first: what can be redelivered of an owner's last attempts. */
  bodies(ownerTag: string): string;
  /** List, newest first, and a channel. Public. */
  alerts: string;
  /** Set while an alert of that kind about that webhook is not to be raised again. */
  alerted(kind: string, about: string): string;
  /** Hash: webhook id → record, of one owner. */
  webhooks(owner: OwnerRef): string;
  /** Hash: webhook id → owner. */
  webhookOwners: string;
  /** Stream, capped: owners whose webhooks changed. */
  changes: string;
  /** Hash: how the attempts to one webhook went. */
  health(webhook: string): string;
}

export function sharedKeys(prefix: string): SharedKeys {
  return {
    logs: (owner) =>
      owner.startsWith("user:")
        ? `${prefix}:logs:${owner.slice(5)}`
        : `${prefix}:org-logs:${owner.slice(4)}`,
    rejected: `${prefix}:rejected`,
    rejectedBytes: `{${prefix}:rejected}:bytes`,
    bodies: (tag) => `${prefix}:kept:${tag}`,
    alerts: `${prefix}:alerts`,
    alerted: (kind, about) => `${prefix}:alerted:${kind}:${about}`,
    webhooks: (owner) => `${prefix}:webhooks:${owner}`,
    webhookOwners: `${prefix}:webhook-owners`,
    changes: `${prefix}:changes`,
    health: (webhook) => `${prefix}:health:${webhook}`,
  };
}
