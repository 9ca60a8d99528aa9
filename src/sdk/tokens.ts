// Tokens and API keys of owners, and what the client's own token is.
import type { ApiKey, Me, Token, TokenCreate } from "./api-types.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";

export type { ApiKey, Me, Token, TokenCreate } from "./api-types.ts";

type Owner = { user_id: string } | { org_id: string };

export class Tokens {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Creates a token of an owner, an API key of an owner (`expires_in_s: null`), or a token of the dashboard.
   *
   * ```ts
   * const { portal_url } = await flux.tokens.create({ user_id: "u_1", expires_in_s: 900 });
   * const { id, token } = await flux.tokens.create({ user_id: "u_1", name: "CI", expires_in_s: null });
   * ```
   *
   * The client never repeats this call by itself.
   *
   * @returns The token, which is not shown again.
   * @throws {FluxError} 404: with an owner's token, which may not make it. 409 `too-many-keys`. 422 `invalid`.
   */
  create(token: TokenCreate, options?: CallOptions): Promise<Token> {
    return this.#transport.call(
      { method: "POST", path: "/v1/tokens", body: token, isRepeatable: false },
      options,
    );
  }

  /**
   * Lists the API keys of an owner, oldest first, without the keys themselves.
   *
   * @param owner With an owner's token: itself if missing.
   * @throws {FluxError}
   */
  async list(owner?: Owner, options?: CallOptions): Promise<ApiKey[]> {
    const { tokens } = await this.#transport.call<{ tokens: ApiKey[] }>(
      { method: "GET", path: "/v1/tokens", query: { ...owner }, isRepeatable: true },
      options,
    );
    return tokens;
  }

  /**
   * Revokes an API key: the next request with it is refused, on every replica.
   *
   * @throws {FluxError} 404 `not-found`: it was revoked before, or is another owner's.
   */
  revoke(id: string, options?: CallOptions): Promise<void> {
    return this.#transport.call(
      { method: "DELETE", path: path`/v1/tokens/${id}`, isRepeatable: true },
      options,
    );
  }

  /** Returns what the client's own token is, and what it may do. @throws {FluxError} */
  me(options?: CallOptions): Promise<Me> {
    return this.#transport.call({ method: "GET", path: "/v1/me", isRepeatable: true }, options);
  }
}
