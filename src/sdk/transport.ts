// Makes one call of the API: the request, its time-out, and retries if they are safe.
import { FluxError, type Problem } from "./flux-error.ts";
import { pause, pauseMsBefore } from "./pause.ts";

export interface FluxOptions {
  /** The API token (`FLUXHOOK_API_TOKEN`), or a scoped one. */
  apiKey: string;
  /** The address of the API; default `http://127.0.0.1:8585`. May have a path. */
  baseUrl?: string;
  /** Time-out for each request with its answer, in milliseconds; default 10,000. */
  timeoutMs?: number;
  /**
   * Maximum number of retries; default 3, 0 for none. Calls are repeated after 429; and if that is safe,
   * also after 502, 503, 504 or no answer.
   */
  retries?: number;
  /** Replaces the runtime's `fetch`, for a proxy, tracing or tests. Called with a URL and an init. */
  fetch?: typeof fetch;
}

export interface CallOptions {
  /** Aborts the call and its retries; the call rejects with the signal's `reason`. */
  signal?: AbortSignal;
  /** Time-out for each request of this call, in milliseconds. */
  timeoutMs?: number;
}

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  query?: Readonly<Record<string, string | number | undefined>>;
  body?: unknown;
  idempotencyKey?: string;
  ifMatch?: string;
  /** True if repeating the call is safe after it was applied and only the answer was lost. */
  isRepeatable: boolean;
}

/** An answer with its version (`ETag`). */
export interface Versioned<Body> {
  body: Body;
  etag: string;
}

type Answer =
  | ({ ok: true } & Versioned<unknown>)
  | { ok: false; problem: Problem; retryAfterMs: number | null; cause?: unknown };

const DEFAULT_BASE_URL = "http://127.0.0.1:8585";
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_RETRIES = 3;
/** A longer Retry-After is not waited for; the call fails with the 429 or 503. */
const MAX_RETRY_AFTER_MS = 30_000;

/** Statuses that proxies answer. After these it is unknown whether the call was applied. */
const UNCERTAIN = new Set([0, 502, 503, 504]);

export class Transport {
  // A private field of JavaScript: printing the client does not print the token (guarantee 9).
  readonly #apiKey: string;
  readonly #baseUrl: string;
  readonly #timeoutMs: number;
  readonly #retries: number;
  readonly #fetch: typeof fetch | undefined;

  constructor(options: FluxOptions) {
    const { apiKey, timeoutMs = DEFAULT_TIMEOUT_MS, retries = DEFAULT_RETRIES } = options;
    if (typeof apiKey !== "string" || !/^[\x21-\x7e]+$/.test(apiKey)) {
      throw new TypeError("apiKey must be the API token: visible ASCII characters");
    }
    if (!Number.isInteger(retries) || retries < 0) {
      throw new TypeError("retries must be a whole number, 0 or more");
    }
    this.#apiKey = apiKey;
    this.#baseUrl = checkedBaseUrl(options.baseUrl ?? DEFAULT_BASE_URL);
    this.#timeoutMs = checkedTimeout(timeoutMs);
    this.#retries = retries;
    this.#fetch = options.fetch;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the API's own contract says what it answers
  async call<Body>(call: Call, options?: CallOptions): Promise<Body> {
    return (await this.callVersioned<Body>(call, options)).body;
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as above
  async callVersioned<Body>(
    call: Call,
    { signal, timeoutMs }: CallOptions = {},
  ): Promise<Versioned<Body>> {
    const limitMs = timeoutMs === undefined ? this.#timeoutMs : checkedTimeout(timeoutMs);
    // Serialized once: a retry with the same Idempotency-Key must have the same bytes.
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#once(call, body, limitMs, signal);
      if (answer.ok) return answer as Versioned<unknown> as Versioned<Body>;
      const pauseMs = pauseMsBefore(attempt + 1, answer.retryAfterMs);
      const isAgain =
        attempt <= this.#retries &&
        pauseMs <= MAX_RETRY_AFTER_MS &&
        (answer.problem.status === 429 ||
          (call.isRepeatable && UNCERTAIN.has(answer.problem.status)));
      if (!isAgain) {
        throw new FluxError(`${call.method} ${call.path}`, answer.problem, {
          attempts: attempt,
          idempotencyKey: call.idempotencyKey,
          cause: answer.cause,
        });
      }
      await pause(pauseMs, signal);
    }
  }

  /**
   * Opens a stream that stays open. Returns null if there is no stream now and it may be tried again:
   * always if there was one before (`isAgain`), else up to `retries` times.
   */
  async openStream(
    call: { path: string; query: Call["query"]; lastEventId?: string },
    { signal, isAgain }: { signal: AbortSignal; isAgain: boolean },
  ): Promise<ReadableStream<Uint8Array> | null> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#openOnce(call, signal);
      if (answer instanceof ReadableStream) return answer;
      const { status } = answer.problem;
      const mayPass = status === 429 || UNCERTAIN.has(status);
      if (mayPass && isAgain) return null;
      if (!mayPass || attempt > this.#retries) {
        const { cause, problem } = answer;
        throw new FluxError(`GET ${call.path}`, problem, { attempts: attempt, cause });
      }
      await pause(pauseMsBefore(attempt + 1, answer.retryAfterMs), signal);
    }
  }

  async #openOnce(
    call: { path: string; query: Call["query"]; lastEventId?: string },
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array> | Extract<Answer, { ok: false }>> {
    // Until the answer begins; the stream itself has no end.
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), this.#timeoutMs);
    const send = this.#fetch ?? globalThis.fetch;
    try {
      const response = await send(this.#baseUrl + call.path + queryText(call.query), {
        headers: {
          Authorization: `Bearer ${this.#apiKey}`,
          Accept: "text/event-stream",
          ...(call.lastEventId === undefined ? {} : { "Last-Event-ID": call.lastEventId }),
        },
        redirect: "manual",
        signal: AbortSignal.any([timeout.signal, signal]),
      });
      const type = response.headers.get("content-type") ?? "";
      if (response.ok && response.body && type.startsWith("text/event-stream")) {
        return response.body as ReadableStream<Uint8Array>;
      }
      const answer = read(response, await response.text());
      return answer.ok ? { ok: false, problem: foreign(response), retryAfterMs: null } : answer;
    } catch (cause) {
      signal.throwIfAborted();
      const problem = noAnswer(timeout.signal.aborted, this.#timeoutMs);
      return { ok: false, problem, retryAfterMs: null, cause };
    } finally {
      clearTimeout(timer);
    }
  }

  async #once(
    call: Call,
    body: string | undefined,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const timeout = AbortSignal.timeout(timeoutMs);
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.#apiKey}`,
      Accept: "application/json",
    };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (call.idempotencyKey !== undefined) headers["Idempotency-Key"] = call.idempotencyKey;
    if (call.ifMatch !== undefined) headers["If-Match"] = call.ifMatch;
    // Looked up at every call, and not called as a method, which Workers refuse.
    const send = this.#fetch ?? globalThis.fetch;
    try {
      const response = await send(this.#baseUrl + call.path + queryText(call.query), {
        method: call.method,
        headers,
        body,
        // The token must not be sent to another address.
        redirect: "manual",
        signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      });
      return read(response, await response.text());
    } catch (cause) {
      signal?.throwIfAborted();
      return {
        ok: false,
        problem: noAnswer(timeout.aborted, timeoutMs),
        retryAfterMs: null,
        cause,
      };
    }
  }
}

/** Builds a path with each value as one segment. */
export function path(texts: TemplateStringsArray, ...values: readonly string[]): string {
  return String.raw({ raw: texts }, ...values.map(segment));
}

function segment(value: unknown): string {
  // A URL drops `.` and `..`, encoded or not, and would lead to another route.
  if (typeof value !== "string" || value === "" || value === "." || value === "..") {
    throw new TypeError(`an id must be a string other than "", "." and ".."`);
  }
  return encodeURIComponent(value);
}

function queryText(query: Call["query"] = {}): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) given.set(name, String(value));
  }
  const text = given.toString();
  return text === "" ? "" : `?${text}`;
}

function read(response: Response, text: string): Answer {
  const etag = response.headers.get("etag") ?? "";
  if (response.status === 204) return { ok: true, body: undefined, etag };
  const body = parsedOrNull(text);
  if (response.ok && body !== null) return { ok: true, body, etag };
  return {
    ok: false,
    problem: isProblem(body) ? body : foreign(response),
    retryAfterMs: retryAfterMs(response.headers.get("retry-after")),
  };
}

function parsedOrNull(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? value : null;
  } catch {
    return null;
  }
}

function isProblem(body: object | null): body is Problem {
  return (
    body !== null &&
    "type" in body &&
    typeof body.type === "string" &&
    "title" in body &&
    typeof body.title === "string" &&
    "status" in body &&
    typeof body.status === "number" &&
    "detail" in body &&
    typeof body.detail === "string"
  );
}

function foreign({ status, statusText }: Response): Problem {
  const detail = "the answer is not Fluxhook's; check baseUrl and any proxy in front of it";
  return { type: "about:blank", title: statusText || `HTTP ${status}`, status, detail };
}

function noAnswer(isTimeout: boolean, timeoutMs: number): Problem {
  return isTimeout
    ? {
        type: "urn:fluxhook:sdk:timeout",
        title: "No answer in time",
        status: 0,
        detail: `no answer within ${timeoutMs} ms`,
      }
    : {
        type: "urn:fluxhook:sdk:connection",
        title: "No answer",
        status: 0,
        detail: "the connection failed; its cause is in `cause`",
      };
}

/** Reads seconds, as the API writes them. For a date, which a proxy may write, the normal pause applies. */
function retryAfterMs(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text.trim()) ? Number(text) * 1_000 : null;
}

function checkedTimeout(timeoutMs: number): number {
  // The maximum of setTimeout. A larger value would fire at once.
  if (timeoutMs > 0 && timeoutMs <= 2 ** 31 - 1) return timeoutMs;
  throw new TypeError("timeoutMs must be a number of milliseconds, more than 0");
}

function checkedBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    // The message does not repeat the text, which may contain a password.
    throw new TypeError("baseUrl must be an http or https URL without user and password");
  }
  return (url.origin + url.pathname).replace(/\/+$/, "");
}
