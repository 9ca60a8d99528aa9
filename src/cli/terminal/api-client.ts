// The commands' client of the API: JSON in, JSON out. `ask` returns every answer as a value; `call` throws
// unless the answer is a success.
import { readSettings } from "../../config/settings.ts";
import { printable } from "../../wire/printable.ts";

export type Answer =
  | { kind: "answered"; status: number; text: string; etag: string }
  /** The API refused, or the answer is not from Fluxhook. */
  | { kind: "refused"; status: number; message: string }
  | { kind: "unreachable"; message: string };

export interface AskOptions {
  /** The JSON text to send. */
  body?: string;
  idempotencyKey?: string;
  /** The version that the request expects. */
  ifMatch?: string;
  timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;

export class ApiClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url.replace(/\/+$/, "");
    this.#token = token;
  }

  /** Creates the client from the environment. @throws SettingsError */
  static ofEnvironment(): ApiClient {
    const { URL: url, API_TOKEN: tokens } = readSettings(process.env, ["API_TOKEN"]);
    return new ApiClient(url, tokens?.[0] ?? "");
  }

  async ask(method: string, path: string, options: AskOptions = {}): Promise<Answer> {
    const { body, idempotencyKey, ifMatch, timeoutMs = TIMEOUT_MS } = options;
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (idempotencyKey !== undefined) headers["Idempotency-Key"] = idempotencyKey;
    if (ifMatch !== undefined) headers["If-Match"] = ifMatch;
    try {
      const response = await fetch(this.#url + path, {
        method,
        headers,
        body,
        // The token must not be sent to a proxy or to another address.
        proxy: false,
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      return this.#read(response, await response.text());
    } catch (error) {
      return { kind: "unreachable", message: this.#whyUnreachable(error, timeoutMs) };
    }
  }

  /** Opens a stream of server-sent events, which ends with the connection or with `signal`. */
  async openStream(
    path: string,
    { lastEventId, signal }: { lastEventId?: string; signal: AbortSignal },
  ): Promise<{ body: ReadableStream<Uint8Array> } | Exclude<Answer, { kind: "answered" }>> {
    const unanswered = new AbortController();
    const timer = setTimeout(() => unanswered.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(this.#url + path, {
        headers: {
          Authorization: `Bearer ${this.#token}`,
          ...(lastEventId === undefined ? {} : { "Last-Event-ID": lastEventId }),
        },
        proxy: false,
        redirect: "manual",
        signal: AbortSignal.any([signal, unanswered.signal]),
      });
      const type = response.headers.get("content-type") ?? "";
      if (response.ok && response.body && type.startsWith("text/event-stream")) {
        return { body: response.body };
      }
      const answer = this.#read(response, await response.text());
      if (answer.kind !== "answered") return answer;
      const message = `${this.#url} answered without a stream; check any proxy in front of it`;
      return { kind: "refused", status: answer.status, message };
    } catch (error) {
      return { kind: "unreachable", message: this.#whyUnreachable(error, TIMEOUT_MS) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** Returns the text of the answer. @throws Error with the problem's message. */
  async text(method: string, path: string, options?: AskOptions): Promise<string> {
    return (await this.versioned(method, path, options)).text;
  }

  /** Returns the text of the answer and its version. @throws Error with the problem's message. */
  async versioned(
    method: string,
    path: string,
    options?: AskOptions,
  ): Promise<{ text: string; etag: string }> {
    const answer = await this.ask(method, path, options);
    if (answer.kind === "answered") return answer;
    throw new Error(answer.message);
  }

  /** @throws Error with the problem's message. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const text = await this.text(method, path, {
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  #read(response: Response, text: string): Answer {
    const { status } = response;
    const etag = response.headers.get("etag") ?? "";
    if (status === 204) return { kind: "answered", status, text: "", etag };
    const body = parsed(text);
    if (response.ok && body !== null) return { kind: "answered", status, text, etag };
    if (body === null || typeof body["detail"] !== "string") {
      const message = `${this.#url} answered ${status}, but not as Fluxhook does; check FLUXHOOK_URL and any proxy in front of it`;
      return { kind: "refused", status, message };
    }
    return { kind: "refused", status, message: problemText(status, body as unknown as Problem) };
  }

  #whyUnreachable(error: unknown, timeoutMs: number): string {
    if (error instanceof Error && error.name === "TimeoutError") {
      return `the API at ${this.#url} did not answer within ${timeoutMs / 1_000} s`;
    }
    const { code, message } = error as { code?: string; message?: string };
    return `no API answers at ${this.#url} (${printable(code ?? message ?? "")}); is "fluxhook serve" running there? FLUXHOOK_URL sets the address`;
  }
}

/** Encodes an id as one segment of a path. @throws Error for an id that a URL cannot contain. */
export function pathSegment(id: string): string {
  // RFC 3986 §5.2.4: a URL drops `.` and `..`, encoded or not, and would lead to another route.
  if (id === "" || id === "." || id === "..") {
    throw new Error(`${JSON.stringify(id)} is not an id; an id is neither empty nor "." or ".."`);
  }
  return encodeURIComponent(id);
}

/** Returns `?a=b` of the given values, or an empty text. */
export function queryOf(fields: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size === 0 ? "" : `?${query.toString()}`;
}

interface Problem {
  title?: string;
  detail: string;
  errors?: { field: string; message: string }[];
}

/** Formats a problem (RFC 9457), with a line for each input fault that the detail does not mention. */
function problemText(status: number, { title = "", detail, errors = [] }: Problem): string {
  const lines = errors
    .filter(({ message }) => !detail.includes(message))
    .map(
      ({ field, message }) => `\n  ${printable(field === "" ? message : `${field}: ${message}`)}`,
    );
  const hint =
    status === 401
      ? "; FLUXHOOK_API_TOKEN must be the service's token, or one from POST /v1/tokens"
      : "";
  return `${status} ${printable(`${title}: ${detail}`)}${hint}${lines.join("")}`;
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}
