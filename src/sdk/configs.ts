// All webhooks of an owner as one document.
import type { Config, ConfigApplied, ConfigInput } from "./api-types.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type { ConfigApplied } from "./api-types.ts";

/** A webhook in a document that is applied: with `id` it changes that one, without it creates one. */
export type ConfigEntry = ConfigInput["webhooks"][number];

/** What a document changes; `created` has ids and secrets only after it was applied. */
export type ConfigChanges = Pick<ConfigApplied, "created" | "changed" | "deleted">;

/** The webhooks of an owner, and their version. */
export interface ConfigDocument extends Config {
  etag: string;
}

/** A user or an organisation. */
export type ConfigOwner =
  { user_id: string; org_id?: undefined } | { org_id: string; user_id?: undefined };

export interface ApplyOptions extends CallOptions {
  /** The `etag` of the document that was read; `*` for any version. */
  ifMatch: string;
}

/** A hundred names may have to be resolved. */
const APPLY_TIMEOUT_MS = 60_000;

export class Configs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Reads all webhooks of a user or an organisation, oldest first, without secrets.
   *
   * ```ts
   * const { webhooks, etag } = await flux.configs.get({ user_id: "u_1" });
   * ```
   */
  async get(owner: ConfigOwner, options?: CallOptions): Promise<ConfigDocument> {
    const { body, etag } = await this.#transport.callVersioned<Config>(
      { method: "GET", path: pathOf(owner), isRepeatable: true },
      options,
    );
    return { ...body, etag };
  }

  /**
   * Replaces all webhooks of a user or an organisation: entries with an `id` change webhooks, entries
   * without create them, and those that are missing are deleted. All in one step, or nothing.
   *
   * ```ts
   * const { webhooks, etag } = await flux.configs.get({ user_id: "u_1" });
   * const wanted = [...webhooks, { url: "https://example.com/hooks", events: ["file.*"] }];
   * const { created } = await flux.configs.apply({ user_id: "u_1" }, wanted, { ifMatch: etag });
   * console.log(created[0]?.secret);
   * ```
   *
   * The client does not repeat this call by itself: after a lost answer, read the document again.
   *
   * @returns What has changed, with the secrets of new webhooks, and the document as it is now.
   * @throws {FluxError} 412 `precondition-failed`: the webhooks have changed since they were read; 422
   *   `invalid`: nothing was changed, `errors` names every problem.
   */
  async apply(
    owner: ConfigOwner,
    webhooks: readonly ConfigEntry[],
    { ifMatch, ...options }: ApplyOptions,
  ): Promise<ConfigChanges & ConfigDocument> {
    const { body, etag } = await this.#transport.callVersioned<ConfigApplied>(
      { method: "PUT", path: pathOf(owner), body: { webhooks }, ifMatch, isRepeatable: false },
      { timeoutMs: APPLY_TIMEOUT_MS, ...options },
    );
    return { ...body, webhooks: body.webhooks ?? [], etag };
  }

  /** Says what `apply` would do, and changes nothing. */
  dryRun(
    owner: ConfigOwner,
    webhooks: readonly ConfigEntry[],
    options: CallOptions = {},
  ): Promise<ConfigChanges> {
    return this.#transport.call(
      {
        method: "PUT",
        path: pathOf(owner),
        query: { dry_run: "true" },
        body: { webhooks },
        isRepeatable: true,
      },
      { timeoutMs: APPLY_TIMEOUT_MS, ...options },
    );
  }
}

function pathOf(owner: ConfigOwner): string {
  return owner.user_id === undefined
    ? path`/v1/orgs/${owner.org_id}/config`
    : path`/v1/users/${owner.user_id}/config`;
}
