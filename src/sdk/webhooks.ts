// Webhooks: register, list, change, enable, disable, rotate the secret, test; and verify requests.
import { makeSecret } from "../wire/secret.ts";
import type { SecretRotate } from "./api-types.ts";
import { FluxError } from "./flux-error.ts";
import { listing, type Listing } from "./listing.ts";
import type { LogEntry } from "./logs.ts";
import type { RawBody } from "./raw-body.ts";
import type { SignatureOrHeaders } from "./request-headers.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";
import { verify, type VerifyOptions } from "./verify.ts";
import type { WebhookEvent } from "./webhook-events.ts";
import type {
  FailedAttempt,
  SecretRotated,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookOwner,
  WebhookPatch,
} from "./webhook.ts";

/** Time-out of a test: the attempt may take as long as the longest time-out of a webhook. */
const TEST_TIMEOUT_MS = 40_000;

export class Webhooks {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Registers a webhook.
   *
   * ```ts
   * const { id, secret } = await flux.webhooks.create({
   *   user_id: "u_1",
   *   url: "https://example.com/hooks",
   *   events: ["file.*"],
   * });
   * ```
   *
   * The client does not repeat this call by itself. If the answer is lost, call it again: it fails with
   * 409 and the webhook's id in `webhook_id`, and `revealSecret` returns the secret.
   *
   * @throws {FluxError} 409 `duplicate-webhook`: the owner has one with this url; 422 `invalid`.
   */
  create(webhook: WebhookCreate, options?: CallOptions): Promise<WebhookCreated> {
    return this.#transport.call(
      { method: "POST", path: "/v1/webhooks", body: webhook, isRepeatable: false },
      options,
    );
  }

  /**
   * Lists the webhooks of a user, of an organisation or of both, oldest first; with the API token and no owner
   * those of all owners.
   *
   * ```ts
   * for await (const webhook of flux.webhooks.list({ user_id: "u_1" })) console.log(webhook.url);
   * ```
   *
   * @param filter `user_id`, `org_id` or both; with a scoped token its owner is meant. `state: "failing"`: only
   *   those that are enabled, and whose last attempt failed. `limit` is the size of a page, at most 100.
   * @throws {FluxError} From the iteration, not from this call.
   */
  list(
    filter: WebhookOwner & { state?: "disabled" | "failing"; limit?: number } = {},
    options?: CallOptions,
  ): Listing<Webhook> {
    return listing(this.#transport, "/v1/webhooks", "webhooks", { ...filter }, options);
  }

  /** @throws {FluxError} 404 `not-found`. */
  get(id: string, options?: CallOptions): Promise<Webhook> {
    return this.#transport.call(
      { method: "GET", path: path`/v1/webhooks/${id}`, isRepeatable: true },
      options,
    );
  }

  /**
   * Changes the given fields. Every worker applies the change within one second.
   *
   * @returns The webhook as it is now.
   * @throws {FluxError} 404 `not-found`, 409 `duplicate-webhook`, 422 `invalid`.
   */
  update(id: string, patch: WebhookPatch, options?: CallOptions): Promise<Webhook> {
    return this.#transport.call(
      { method: "PATCH", path: path`/v1/webhooks/${id}`, body: patch, isRepeatable: true },
      options,
    );
  }

  /**
   * Deletes a webhook. Its waiting deliveries end with a log line.
   *
   * @throws {FluxError} 404 `not-found`.
   */
  async delete(id: string, options?: CallOptions): Promise<void> {
    try {
      await this.#transport.call(
        { method: "DELETE", path: path`/v1/webhooks/${id}`, isRepeatable: true },
        options,
      );
    } catch (error) {
      // An earlier request, whose answer was lost, has deleted it.
      const isDeleted = error instanceof FluxError && error.status === 404 && error.attempts > 1;
      if (!isDeleted) throw error;
    }
  }

  /**
   * Replaces the secret. During the grace period requests have signatures by both secrets.
   *
   * ```ts
   * const { secret } = await flux.webhooks.rotateSecret(id, { grace_hours: 24 });
   * // In the receiver, until the grace period ends: verify(rawBody, headers, [secret, previous])
   * ```
   *
   * @param rotation `grace_hours` is 0 to 168, default 24; `secret` is your own secret.
   * @throws {FluxError} 404 `not-found`, 422 `invalid`.
   */
  rotateSecret(
    id: string,
    rotation: SecretRotate = {},
    options?: CallOptions,
  ): Promise<SecretRotated> {
    return this.#transport.call(
      {
        method: "POST",
        path: path`/v1/webhooks/${id}/rotate-secret`,
        // Generated here, so that a retry after a lost answer sets the same secret.
        body: { ...rotation, secret: rotation.secret ?? makeSecret() },
        isRepeatable: true,
      },
      options,
    );
  }

  /** @throws {FluxError} 404 `not-found`. */
  revealSecret(id: string, options?: CallOptions): Promise<{ secret: string }> {
    return this.#transport.call(
      { method: "GET", path: path`/v1/webhooks/${id}/secret`, isRepeatable: true },
      options,
    );
  }

  /**
   * Sends one event to the webhook now, even if it is disabled, without retries: `webhook.test`, or with
   * `event` the sample of that type. Returns the attempt, whether it succeeded or failed. Waits up to
   * 40 s, or `timeoutMs`.
   *
   * ```ts
   * const { outcome, status_code, reason } = await flux.webhooks.test(id);
   * ```
   *
   * @throws {FluxError} 404 `not-found`, 422 `invalid`: no sample of `event` is known, 429
   *   `too-many-tests`.
   */
  async test(
    id: string,
    { event, ...options }: CallOptions & { event?: string } = {},
  ): Promise<LogEntry> {
    const { attempt } = await this.#transport.call<{ attempt: LogEntry }>(
      {
        method: "POST",
        path: path`/v1/webhooks/${id}/test`,
        body: event === undefined ? undefined : { event },
        isRepeatable: false,
      },
      { timeoutMs: TEST_TIMEOUT_MS, ...options },
    );
    return attempt;
  }

  /**
   * Lists the webhook's last failed attempts in full, newest first. The successes that follow do not push
   * them out, as they do in `logs.list`.
   *
   * @throws {FluxError} 404 `not-found`.
   */
  async failures(id: string, options?: CallOptions): Promise<FailedAttempt[]> {
    const { failures } = await this.#transport.call<{ failures: FailedAttempt[] }>(
      { method: "GET", path: path`/v1/webhooks/${id}/failures`, isRepeatable: true },
      options,
    );
    return failures;
  }

  /**
   * Enables the webhook and clears its `health`. Deliveries that were parked stay parked.
   *
   * @returns The webhook as it is now.
   * @throws {FluxError} 404 `not-found`.
   */
  enable(id: string, options?: CallOptions): Promise<Webhook> {
    return this.#switch(path`/v1/webhooks/${id}/enable`, options);
  }

  /**
   * Disables the webhook. Its deliveries are parked.
   *
   * @returns The webhook as it is now.
   * @throws {FluxError} 404 `not-found`.
   */
  disable(id: string, options?: CallOptions): Promise<Webhook> {
    return this.#switch(path`/v1/webhooks/${id}/disable`, options);
  }

  /** The function `verify`, as a method of the client. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as verify's own
  verify<Event extends object = WebhookEvent>(
    payload: RawBody,
    signature: SignatureOrHeaders,
    secret: string | readonly string[],
    options?: VerifyOptions,
  ): Event {
    return verify<Event>(payload, signature, secret, options);
  }

  #switch(to: string, options?: CallOptions): Promise<Webhook> {
    return this.#transport.call({ method: "POST", path: to, isRepeatable: true }, options);
  }
}
