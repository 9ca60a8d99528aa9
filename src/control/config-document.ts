// All webhooks of an owner as one document: reads it, and applies another one in one atomic step.
import { hash } from "node:crypto";
import type { Guard } from "../delivery/guard/guard.ts";
import type { PauseStore } from "../valkey/queue/pause-store.ts";
import type { HealthStore } from "../valkey/webhooks/health-store.ts";
import type { OwnerWebhooks, WebhooksRead } from "../valkey/webhooks/owner-webhooks.ts";
import { byAge } from "../valkey/webhooks/webhook-store.ts";
import type { Config, ConfigApplied, ConfigChanges, GivenEntry } from "../wire/config-document.ts";
import { newId } from "../wire/new-id.ts";
import type { OwnerRef } from "../wire/owner.ts";
import { makeSecret } from "../wire/secret.ts";
import { LISTEN_SCHEME } from "../wire/tunnel.ts";
import type { WebhookRecord } from "../wire/webhook.ts";
import { checkFilter } from "./check-filter.ts";
import { checkUrl } from "./check-url.ts";
import {
  byEntry,
  changesOf,
  entryOf,
  findConflicts,
  type IndexedEntry,
  planConfig,
  type ConfigPlan,
  type ConfigProblem,
} from "./plan-config.ts";

export interface ConfigControlOptions {
  ownerWebhooks: OwnerWebhooks;
  health: HealthStore;
  pauses: PauseStore;
  /** Checks urls when they are saved, as they will be checked at every attempt. */
  guard: Guard;
  retrySchedule?: readonly string[];
  now: () => Date;
}

export type ConfigRead =
  { ok: true; config: Config; etag: string } | { ok: false; unreadable: readonly string[] };

export interface ConfigWanted {
  entries: readonly GivenEntry[];
  /** True for the version that the caller has read. */
  isExpected: (etag: string) => boolean;
}

export type ConfigResult =
  | { done: true; applied: ConfigApplied; etag: string }
  | { done: false; why: "changed"; etag: string }
  | { done: false; why: "invalid"; errors: readonly ConfigProblem[] }
  | { done: false; why: "unreadable"; unreadable: readonly string[] };

/** How many urls and filters are checked at once: each url may wait for a name server. */
const CHECKED_AT_ONCE = 25;
/** Others change the owner's webhooks faster than a document is applied; then the caller decides. */
const MAX_TRIES = 10;

/** Every method may throw ValkeyUnavailable. */
export class ConfigControl {
  constructor(private readonly options: ConfigControlOptions) {}

  async read(owner: OwnerRef): Promise<ConfigRead> {
    const read = await this.options.ownerWebhooks.read(owner);
    if (read.unreadable.length > 0) return { ok: false, unreadable: read.unreadable };
    const config = documentOf(shownIn(read));
    return { ok: true, config, etag: etagOf(config) };
  }

  /** Says what `apply` would do. */
  async dryRun(owner: OwnerRef, wanted: ConfigWanted): Promise<ConfigResult> {
    const planned = await this.plan(owner, wanted);
    if (!planned.ok) return planned.result;
    return { done: true, applied: changesOf(planned.plan, false), etag: planned.etag };
  }

  /** Does all of it in one step, or nothing. */
  async apply(owner: OwnerRef, wanted: ConfigWanted): Promise<ConfigResult> {
    const { ownerWebhooks, health, pauses } = this.options;
    const checked = new Map<string, readonly ConfigProblem[]>();
    let etag = "";
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const planned = await this.plan(owner, wanted, checked);
      if (!planned.ok) return planned.result;
      const { read, plan } = planned;
      etag = planned.etag;
      const enabled = plan.changed.filter(
        ({ before, record }) => record.enabled && !before.enabled,
      );
      // Before the change: if the process died after it, they would be enabled with their old failures.
      await Promise.all(
        enabled.flatMap(({ record: { id } }) => [health.reset(id), pauses.end(id)]),
      );
      const isDone = await ownerWebhooks.replace(owner, read, {
        created: plan.created.map(({ record }) => record),
        changed: plan.changed.map(({ record }) => record),
        deleted: plan.deleted.map(({ id }) => id),
      });
      if (!isDone) continue;
      const moved = plan.changed.filter(({ before, record }) => record.url !== before.url);
      // The receiver at the old url asked for the pause.
      await Promise.all(moved.map(({ record }) => pauses.end(record.id)));
      return { done: true, ...outcome(read, plan) };
    }
    return { done: false, why: "changed", etag };
  }

  /**
   * Returns the problems of some entries of a document, besides those that the schema finds in the others:
   * a user learns of all problems at once.
   */
  async problemsOf(owner: OwnerRef, entries: readonly IndexedEntry[]): Promise<ConfigProblem[]> {
    const current = shownIn(await this.options.ownerWebhooks.read(owner));
    const problems = [
      ...findConflicts(current, entries),
      ...(await this.checkAll(entries, current)),
    ];
    return problems.toSorted(byEntry);
  }

  private async plan(
    owner: OwnerRef,
    { entries, isExpected }: ConfigWanted,
    checked = new Map<string, readonly ConfigProblem[]>(),
  ): Promise<
    | { ok: true; read: WebhooksRead; plan: ConfigPlan; etag: string }
    | { ok: false; result: Exclude<ConfigResult, { done: true }> }
  > {
    const { ownerWebhooks, retrySchedule, now } = this.options;
    const read = await ownerWebhooks.read(owner);
    const refused = (result: Exclude<ConfigResult, { done: true }>) =>
      ({ ok: false, result }) as const;
    if (read.unreadable.length > 0) {
      return refused({ done: false, why: "unreadable", unreadable: read.unreadable });
    }
    const current = shownIn(read);
    const etag = etagOf(documentOf(current));
    if (!isExpected(etag)) return refused({ done: false, why: "changed", etag });
    const planned = planConfig(
      owner,
      { current, hidden: read.records.length - current.length },
      entries,
      {
        at: now(),
        newId: () => newId("wh"),
        newSecret: makeSecret,
        retrySchedule,
      },
    );
    const errors = planned.ok ? [] : [...planned.problems];
    errors.push(...(await this.checkAll([...entries.entries()], current, checked)));
    if (!planned.ok || errors.length > 0) {
      return refused({ done: false, why: "invalid", errors: errors.toSorted(byEntry) });
    }
    return { ok: true, read, plan: planned.plan, etag };
  }

  /** Returns the problems of urls that the guard denies, and of filters that do not compile. */
  private async checkAll(
    entries: readonly IndexedEntry[],
    current: readonly WebhookRecord[],
    checked = new Map<string, readonly ConfigProblem[]>(),
  ): Promise<ConfigProblem[]> {
    const byId = new Map<string, WebhookRecord>(current.map((record) => [record.id, record]));
    const problems: ConfigProblem[] = [];
    const check = async ([index, entry]: IndexedEntry): Promise<void> => {
      const before = entry.id === undefined ? undefined : byId.get(entry.id);
      const url = entry.url === before?.url ? undefined : entry.url;
      const filter = entry.filter === before?.filter ? undefined : entry.filter;
      const known = JSON.stringify([url, filter]);
      const found = checked.get(known) ?? (await this.check(url, filter));
      checked.set(known, found);
      problems.push(...found.map((one) => ({ ...one, field: `webhooks.${index}.${one.field}` })));
    };
    const waiting = [...entries];
    const workers = Array.from({ length: CHECKED_AT_ONCE }, async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await check(next);
    });
    await Promise.all(workers);
    return problems;
  }

  private async check(
    url: string | undefined,
    filter: string | null | undefined,
  ): Promise<readonly ConfigProblem[]> {
    const denial = url === undefined ? null : await checkUrl(this.options.guard, url);
    const denied =
      denial === null ? [] : [{ field: "url", code: "blocked_address", message: denial }];
    return [...denied, ...(await checkFilter(filter))];
  }
}

/** Temporary webhooks belong to their sessions of `fluxhook listen`: no document shows or deletes them. */
function shownIn({ records }: WebhooksRead): WebhookRecord[] {
  return records.filter(({ url }) => !url.startsWith(LISTEN_SCHEME));
}

function documentOf(records: readonly WebhookRecord[]): Config {
  return { webhooks: records.map(entryOf) };
}

/** An entity-tag (RFC 9110 §8.8.3). A rotated secret changes no document, so it changes no tag. */
function etagOf(config: Config): string {
  return `"${hash("sha256", JSON.stringify(config)).slice(0, 32)}"`;
}

function outcome(read: WebhooksRead, plan: ConfigPlan): { applied: ConfigApplied; etag: string } {
  const changed = new Map(plan.changed.map(({ record }) => [record.id, record]));
  const deleted = new Set(plan.deleted.map(({ id }) => id));
  const now = [
    ...shownIn(read)
      .filter(({ id }) => !deleted.has(id))
      .map((record) => changed.get(record.id) ?? record),
    ...plan.created.map(({ record }) => record),
  ];
  const config = documentOf(now.toSorted(byAge));
  const changes: ConfigChanges = changesOf(plan, true);
  return { applied: { ...changes, ...config }, etag: etagOf(config) };
}
