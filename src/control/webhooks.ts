// What users do to webhooks, with the rules that hold for every caller: the API, the dashboard and the
// configuration document.
import type { WebhookId } from "../wire/ids.ts";
import type { Guard } from "../delivery/guard/guard.ts";
import type { PauseStore } from "../valkey/queue/pause-store.ts";
import type { HealthStore } from "../valkey/webhooks/health-store.ts";
import type {
  WebhookCreated,
  WebhookStore,
  WebhookUpdated,
} from "../valkey/webhooks/webhook-store.ts";
import { dialectOf } from "../wire/dialects/registry.ts";
import { newId } from "../wire/new-id.ts";
import type { OwnerRef } from "../wire/owner.ts";
import { makeSecret } from "../wire/secret.ts";
import type { WebhookCreate, WebhookHealth, WebhookPatch, WebhookRecord } from "../wire/webhook.ts";
import { pageOfAll } from "./all-webhooks.ts";
import { checkFilter } from "./check-filter.ts";
import { checkUrl, judgeUrl, type UrlVerdict } from "./check-url.ts";
import { rotateSecret } from "./rotate-secret.ts";
import {
  isTemporaryOf,
  temporaryWebhook,
  type TemporaryWebhookInput,
} from "./temporary-webhook.ts";
import { applyPatch, disable, enable, newWebhook } from "./webhook-changes.ts";

export interface WebhookControlOptions {
  webhooks: WebhookStore;
  health: HealthStore;
  pauses: PauseStore;
  /** Checks a url when it is saved, as it will be checked at every attempt. */
  guard: Guard;
  /** The schedule of new webhooks where FLUXHOOK_RETRY_SCHEDULE is set; else their dialect's. */
  retrySchedule?: readonly string[];
  now: () => Date;
}

/** Fields that no schema can check: the url is denied by the guard, the filter does not compile. */
export interface Invalid {
  why: "invalid";
  errors: { field: string; code: string; message: string }[];
}

export type CreateResult =
  | { created: true; record: WebhookRecord }
  | Extract<WebhookCreated, { created: false }>
  | ({ created: false } & Invalid);

export type UpdateResult = WebhookUpdated | ({ updated: null } & Invalid);

/** Every method may throw ValkeyUnavailable. */
export class WebhookControl {
  constructor(private readonly options: WebhookControlOptions) {}

  async create(input: WebhookCreate): Promise<CreateResult> {
    const errors = await this.check(input);
    if (errors.length > 0) return { created: false, why: "invalid", errors };
    return this.add(newId("wh"), input);
  }

  /** Creates the temporary webhook of a session of `fluxhook listen`. */
  createTemporary(
    input: TemporaryWebhookInput,
    { id, session }: { id: WebhookId; session: string },
  ): Promise<CreateResult> {
    // Its url names the session, which the guard does not know.
    return this.add(id, temporaryWebhook(input, session));
  }

  /** Says what saving a webhook with this url would answer. */
  checkUrl(url: string): Promise<UrlVerdict> {
    return judgeUrl(this.options.guard, url);
  }

  get(id: string): Promise<WebhookRecord | null> {
    return this.options.webhooks.get(id);
  }

  /** Returns a page of the webhooks of all owners. */
  pageOfAll(page: Parameters<typeof pageOfAll>[1]): ReturnType<typeof pageOfAll> {
    return pageOfAll(this.options, page);
  }

  /** Lists the webhooks of an owner, the oldest first. */
  list(owner: OwnerRef): Promise<WebhookRecord[]> {
    return this.options.webhooks.list(owner);
  }

  /**
   * Applies a patch to a webhook that the caller has read. A new url is checked, and it ends the pause
   * that the receiver at the old url asked for. Enabling starts its health over.
   */
  async update(read: WebhookRecord, patch: WebhookPatch): Promise<UpdateResult> {
    const errors = await this.check({
      url: patch.url === read.url ? undefined : patch.url,
      filter: patch.filter,
    });
    if (errors.length > 0) return { updated: null, why: "invalid", errors };
    if (patch.enabled && !read.enabled) await this.startOver(read.id);
    const at = this.now();
    let urlBefore: string | null = null;
    const result = await this.options.webhooks.update(read.id, (current) => {
      urlBefore = current.url;
      return applyPatch(current, patch, at);
    });
    if (result.updated && result.updated.url !== urlBefore) await this.options.pauses.end(read.id);
    return result;
  }

  async enable(id: WebhookId): Promise<WebhookUpdated> {
    await this.startOver(id);
    const at = this.now();
    return this.options.webhooks.update(id, (current) => enable(current, at));
  }

  disable(id: WebhookId): Promise<WebhookUpdated> {
    const at = this.now();
    return this.options.webhooks.update(id, (current) => disable(current, "manual", at));
  }

  /** Replaces the secret; the ones before it sign for `graceMs` more. The newest one comes first. */
  rotate(
    id: WebhookId,
    { secret = makeSecret(), graceMs }: { secret?: string; graceMs: number },
  ): Promise<WebhookUpdated> {
    const rotation = { secret, graceMs, nowMs: this.options.now().getTime() };
    return this.options.webhooks.update(id, (current) => rotateSecret(current, rotation));
  }

  /** Returns false if there was none. */
  delete(id: WebhookId): Promise<boolean> {
    return this.options.webhooks.delete(id);
  }

  /** Deletes the temporary webhook of a session, unless its user has given it another url. */
  async deleteTemporary(id: WebhookId, session: string): Promise<void> {
    const record = await this.get(id);
    if (record && isTemporaryOf(record, session)) await this.delete(id);
  }

  /** Returns the health of each webhook, in the order of `ids`. */
  health(ids: readonly WebhookId[]): Promise<WebhookHealth[]> {
    return this.options.health.read(ids);
  }

  private async check({ url, filter }: WebhookPatch): Promise<Invalid["errors"]> {
    const denial = url === undefined ? null : await checkUrl(this.options.guard, url);
    const denied =
      denial === null ? [] : [{ field: "url", code: "blocked_address", message: denial }];
    return [...denied, ...(await checkFilter(filter))];
  }

  private async add(id: WebhookId, input: WebhookCreate): Promise<CreateResult> {
    const record = newWebhook(input, {
      id,
      secret: makeSecret(),
      at: this.now(),
      dialect: dialectOf(input.dialect),
      retrySchedule: this.options.retrySchedule,
    });
    const result = await this.options.webhooks.create(record);
    return result.created ? { created: true, record } : result;
  }

  /**
   * Forgets the failures and the pause of a webhook that is about to be enabled. It comes before the
   * change: if the process died after the change, the webhook would be enabled with its old failures,
   * and the next failure would disable it again.
   */
  private async startOver(id: WebhookId): Promise<void> {
    await this.options.health.reset(id);
    await this.options.pauses.end(id);
  }

  private now(): string {
    return this.options.now().toISOString();
  }
}
