// Every key that Fluxhook uses (docs/design.md, "Keys"). Keys that one script touches share a hash tag, so
// that they are in one slot of Valkey Cluster: the queue's own tag, or else its name. There are three
// exceptions: record.lua takes `logs` and `bodies` of many owners, failures.lua `failures` of many owners, and
// health.lua `health` of many webhooks, because one call for a whole group costs less than one for each key.
// Fluxhook does not support Cluster yet (`fluxhook doctor` reports a cluster's node as a problem). A connector
// for it has to group these keys by slot, in history/recent-lists.ts, history/failure-store.ts and
// webhooks/health-store.ts, and nowhere else.
import type { WebhookId } from "../wire/ids.ts";
import type { OwnerRef } from "../wire/owner.ts";

/** The keys of one queue, all in the queue's slot. */
export interface QueueKeys {
  /** The intake list itself. */
  queue: string;
  /** Prefix of the keys whose names scripts make themselves, such as those of lanes. */
  base: string;
  /** List: elements that a wait has moved off the intake list and that are claimed in the next step. */
  next: string;
  /** Sorted set: worker → server time of its last heartbeat. */
  workers: string;
  /** List of items that run next: split deliveries, requeued claims, redeliveries. */
  ready: string;
  /** Sorted set: delivery → server time at which it is due. */
  schedule: string;
  /** Hash: delivery → its item. */
  scheduled: string;
  /** Sorted set: webhook with a lane that is not empty → when the lane was last served. */
  lanes: string;
  /** Hash: fanned-out event → its bytes, stored once. */
  events: string;
  /** Hash: fanned-out event → how many deliveries still need it. */
  refs: string;
  /** Sorted set: delivery → when it was parked. */
  parked: string;
  /** Hash: delivery → its item. */
  parkedItems: string;
  /** Hash: parked delivery → its entry in the index (scripts/parked-index.lua). */
  parkedIndex: string;
  /** Hash: how far the index is complete, and which damage was found. */
  parkedIndexState: string;
  /** Sorted set: webhook → how many of its deliveries are parked. */
  parkedWebhooks: string;
  /** Sorted set of an owner, a webhook, a reason or an event type: delivery → when it was parked. */
  parkedOf(which: string): string;
  /** Hash of the queue (null), an owner or a webhook: reason and event type → how many are parked. */
  parkedCounts(which: string | null): string;
  /** Sorted set: webhook whose receiver asked for a pause → when the pause ends. */
  paused: string;
  /** Hash: deliveries that ended, by kind; elements taken off the list; bytes that are parked. */
  stats: string;
  /** Exists while somebody looks at the stream of all owners' attempts. */
  watched: string;
  /** Hash: the number of the worker's last claim; of both kinds of batches the last number, and its claims. */
  worker(id: string): string;
  /** Hash of one worker: claim → item. */
  claims(worker: string): string;
  idempotency(fingerprint: string): string;
}

export function queueKeys(queue: string): QueueKeys {
  const base = HASH_TAG.test(queue) ? queue : `{${queue}}`;
  return {
    queue,
    base,
    next: `${base}:next`,
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
    watched: `${base}:watched`,
    worker: (id) => `${base}:worker:${id}`,
    claims: (worker) => `${base}:claims:${worker}`,
    idempotency: (fingerprint) => `${base}:idempotency:${fingerprint}`,
  };
}

/** A hash tag as Valkey reads it: the text between the first `{` and the next `}`, if it is not empty. */
const HASH_TAG = /^[^{]*\{[^}]+\}/;

/** The keys that belong to no queue. */
export interface SharedKeys {
  /** List, newest first: the last attempts of an owner's webhooks. Public. One of many in record.lua. */
  logs(owner: OwnerRef): string;
  /** List, newest first: elements that are not valid events. Public. */
  rejected: string;
  rejectedBytes: string;
  /** List, newest first: the bodies of an owner's last attempts. One of many in record.lua. */
  bodies(ownerTag: string): string;
  /** Hash of an owner's last failed attempts, of each webhook apart. One of many in failures.lua. */
  failures(ownerTag: string): string;
  /** List of alerts, newest first, and the channel that they are published on. Public. */
  alerts: string;
  /** The channel of attempts, while somebody looks (docs/stream.md). */
  live: string;
  /** Exists while no other alert of that kind may be raised about that webhook or queue. */
  alerted(kind: string, about: string): string;
  /** Hash of one owner: webhook id → record. */
  webhooks(owner: OwnerRef): string;
  /** Hash: webhook id → owner. */
  webhookOwners: string;
  /** Sorted set: webhook that is disabled → when it was changed last (webhooks/disabled-index.ts). */
  disabledWebhooks: string;
  /** Capped stream: owners whose webhooks changed. */
  changes: string;
  /** Capped stream: who did what. */
  audit: string;
  /** Hash: API key → its record, with a hash of its secret. */
  apiKeys: string;
  /** Set: the API keys of an owner. */
  apiKeysOf(owner: OwnerRef): string;
  /** Hash: API key → when it was last used. */
  apiKeyUses: string;
  /** Until when the signed tokens of an owner were ended. */
  tokensEnded(owner: OwnerRef): string;
  /** Hash of one step of the series: what all processes have counted in it. Of one slot. */
  series(stepS: number, startS: number): string;
  /** String of one process: the number of its last write to the series. In the slot of the series. */
  seriesWriter(process: string): string;
  /** Hash of one webhook: how its last attempts went. One of many in health.lua. */
  health(webhook: WebhookId): string;
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
    failures: (tag) => `${prefix}:failures:${tag}`,
    alerts: `${prefix}:alerts`,
    live: `${prefix}:live`,
    alerted: (kind, about) => `${prefix}:alerted:${kind}:${about}`,
    webhooks: (owner) => `${prefix}:webhooks:${owner}`,
    webhookOwners: `${prefix}:webhook-owners`,
    disabledWebhooks: `${prefix}:disabled-webhooks`,
    changes: `${prefix}:changes`,
    audit: `${prefix}:audit`,
    apiKeys: `{${prefix}:api-keys}`,
    apiKeysOf: (owner) => `{${prefix}:api-keys}:of:${owner}`,
    apiKeyUses: `{${prefix}:api-keys}:used`,
    tokensEnded: (owner) => `${prefix}:tokens-ended:${owner}`,
    series: (stepS, startS) => `{${prefix}:series}:${stepS}:${startS}`,
    seriesWriter: (process) => `{${prefix}:series}:writer:${process}`,
    health: (webhook) => `${prefix}:health:${webhook}`,
  };
}

/**
 * The keys of inbound workflows, all in the slot of the executions' queue, whose own keys are
 * `queueKeys(inboundKeys(prefix).queue)`.
 */
export interface InboundKeys {
  /** List of ids of executions that have not begun: the intake of the queue. */
  queue: string;
  /** Hash: workflow id → record. */
  workflows: string;
  /** String: what an execution needs of one revision of a workflow. */
  revision(workflow: string, revision: number): string;
  /** Hash: workflow id → its newest revision, whose key has no TTL. */
  newestRevisions: string;
  /** Hash: `<workflow>:<revision>` → how many executions that have not ended use it. */
  revisionUses: string;
  /** Counts the changes of workflows, so that a replica notices one whose notice was lost. */
  version: string;
  /** Hash of one execution (inbound/stored-execution.ts). It has no TTL until it has ended. */
  execution(id: string): string;
  /** Sorted set of all workflows (null) or one: execution → when it was accepted. */
  executions(workflow: string | null): string;
  /** Sorted set: `<execution> <bytes> <workflow>` → when it ended. */
  ended: string;
  /** Hash of the queue: how executions ended, and the bytes that ended ones take up. */
  stats: string;
  /** String: the execution that a request began, by the workflow and the hash of its idempotency key. */
  seen(workflow: string, keyHash: string): string;
  /** List of what users' programs answer to tasks. Public: each task names it. */
  answers: string;
  /** Channel of one process: ids of executions that have ended and that it waits for. */
  endings(replica: string): string;
  /** List of tasks of one name, for users' programs. Public, and in a slot of its own. */
  tasks(name: string): string;
}

export function inboundKeys(prefix: string): InboundKeys {
  const queue = `${prefix}:executions`;
  const { base } = queueKeys(queue);
  return {
    queue,
    workflows: `${base}:workflows`,
    newestRevisions: `${base}:newest-revisions`,
    revision: (workflow, revision) => `${base}:revision:${workflow}:${revision}`,
    revisionUses: `${base}:revision-uses`,
    version: `${base}:workflows-version`,
    execution: (id) => `${base}:x:${id}`,
    executions: (workflow) => (workflow === null ? `${base}:all` : `${base}:of:${workflow}`),
    ended: `${base}:ended`,
    stats: `${base}:stats`,
    seen: (workflow, keyHash) => `${base}:seen:${workflow}:${keyHash}`,
    answers: `${base}:answers`,
    endings: (replica) => `${base}:endings:${replica}`,
    tasks: (name) => `${prefix}:tasks:${name}`,
  };
}
