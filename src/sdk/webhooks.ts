// Webhooks: register, list, change, switch on and off, rotate the secret, try; and verify what they get.
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
  SecretRotated,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookOwner,
  WebhookPatch,
} from "./webhook.ts";

/** Of a test: an attempt may take as long as a webhook's longest time-out. */
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
   * It is not repeated by itself: where its answer is lost, a repetition answers 409 with the
   * webhook's id in `webhook_id`, and `revealSecret` has the secret.
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
   * The webhooks of a user, of an organisation or of both, oldest first.
   *
   * ```ts
   * for await (const webhook of flux.webhooks.list({ user_id: "u_1" })) console.log(webhook.url);
   * ```
   *
   * @param owner `{ user_id }`, `{ org_id }` or both, or with a scoped token none; `limit` is the size
   *   of a page, at most 100.
   * @throws {FluxError} From the iteration.
   */
  list(owner: WebhookOwner & { limit?: number } = {}, options?: CallOptions): Listing<Webhook> {
    return listing(this.#transport, "/v1/webhooks", "webhooks", { ...owner }, options);
  }

  /** @throws {FluxError} 404 `not-found`. */
  get(id: string, options?: CallOptions): Promise<Webhook> {
    return this.#transport.call(
      { method: "GET", path: path`/v1/webhooks/${id}`, isRepeatable: true },
      options,
    );
  }

  /**
   * Changes what is given and leaves the rest. Every worker follows within one second.
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
   * Deletes a webhook; its deliveries that still wait end with a log line.
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
      // The request whose answer was lost has deleted it.
      const isDeleted = error instanceof FluxError && error.status === 404 && error.attempts > 1;
      if (!isDeleted) throw error;
    }
  }

  /**
   * Replaces the secret; during the grace requests carry the signatures of both.
   *
   * ```ts
   * const { secret } = await flux.webhooks.rotateSecret(id, { grace_hours: 24 });
   * // In the receiver, until the grace is over: verify(rawBody, headers, [secret, previous])
   * ```
   *
   * @param rotation `grace_hours` is 0 to 168, 24 unless given; `secret` is one of your own.
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
        // Made here, so that a repetition after a lost answer rotates to the same one.
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
   * Sends one event `webhook.test` to it now, also where it is disabled, and answers with the
   * attempt, whatever came of it; it is not tried again. Waits up to 40 s unless `timeoutMs` says
   * otherwise.
   *
   * ```ts
   * const { outcome, status_code, reason } = await flux.webhooks.test(id);
   * ```
   *
   * @throws {FluxError} 404 `not-found`, 429 `too-many-tests`.
   */
  async test(id: string, options: CallOptions = {}): Promise<LogEntry> {
    const { attempt } = await this.#transport.call<{ attempt: LogEntry }>(
      { method: "POST", path: path`/v1/webhooks/${id}/test`, isRepeatable: false },
      { timeoutMs: TEST_TIMEOUT_MS, ...options },
    );
    return attempt;
  }

  /**
   * Switches it on and clears its `health`; what was parked while it was off stays parked.
   *
   * @returns The webhook as it is now.
   * @throws {FluxError} 404 `not-found`.
   */
  enable(id: string, options?: CallOptions): Promise<Webhook> {
    return this.#switch(path`/v1/webhooks/${id}/enable`, options);
  }

  /**
   * Switches it off; its deliveries are parked.
   *
   * @returns The webhook as it is now.
   * @throws {FluxError} 404 `not-found`.
   */
  disable(id: string, options?: CallOptions): Promise<Webhook> {
    return this.#switch(path`/v1/webhooks/${id}/disable`, options);
  }

  /** The function `verify`, for those who have a client at hand. */
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
