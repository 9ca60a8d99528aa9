// The commands' way to the API: JSON in, JSON out. What it answers is a value; `call` is for those who
// can go on only with what they asked for.
import { readSettings } from "../../config/settings.ts";
import { printable } from "../../wire/printable.ts";

export type Answer =
  | { kind: "answered"; status: number; text: string }
  /** It said no, or something stands in its place that is not Fluxhook. */
  | { kind: "refused"; status: number; message: string }
  | { kind: "unreachable"; message: string };

export interface AskOptions {
  /** JSON, as it is sent. */
  body?: string;
  idempotencyKey?: string;
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

  /** The one that the environment names. @throws SettingsError */
  static ofEnvironment(): ApiClient {
    const { URL: url, API_TOKEN: token } = readSettings(process.env, ["API_TOKEN"]);
    return new ApiClient(url, token ?? "");
  }

  async ask(method: string, path: string, options: AskOptions = {}): Promise<Answer> {
    const { body, idempotencyKey, timeoutMs = TIMEOUT_MS } = options;
    const headers: Record<string, string> = { Authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (idempotencyKey !== undefined) headers["Idempotency-Key"] = idempotencyKey;
    try {
      const response = await fetch(this.#url + path, {
        method,
        headers,
        body,
        // Neither a proxy nor another address has any business with the token.
        proxy: false,
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
      });
      return this.#read(response, await response.text());
    } catch (error) {
      return { kind: "unreachable", message: this.#whyUnreachable(error, timeoutMs) };
    }
  }

  /** The answer's text. @throws Error with the problem's words. */
  async text(method: string, path: string, options?: AskOptions): Promise<string> {
    const answer = await this.ask(method, path, options);
    if (answer.kind === "answered") return answer.text;
    throw new Error(answer.message);
  }

  /** @throws Error with the problem's words. */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const text = await this.text(method, path, {
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  #read(response: Response, text: string): Answer {
    const { status } = response;
    if (status === 204) return { kind: "answered", status, text: "" };
    const body = parsed(text);
    if (response.ok && body !== null) return { kind: "answered", status, text };
    if (body === null || typeof body["detail"] !== "string") {
      const message = `${this.#url} answered ${status}, and not as Fluxhook does; check FLUXHOOK_URL and what stands before it`;
      return { kind: "refused", status, message };
    }
    return { kind: "refused", status, message: problemText(status, body as unknown as Problem) };
  }

  #whyUnreachable(error: unknown, timeoutMs: number): string {
    if (error instanceof Error && error.name === "TimeoutError") {
      return `the API at ${this.#url} did not answer within ${timeoutMs / 1_000} s`;
    }
    const { code, message } = error as { code?: string; message?: string };
    return `no API answers at ${this.#url} (${printable(code ?? message ?? "")}); is "fluxhook serve" running there? FLUXHOOK_URL says where to look`;
  }
}

/** An id as one segment of a path. @throws Error for one that a URL cannot carry. */
export function pathSegment(id: string): string {
  // RFC 3986 §5.2.4: a URL drops `.` and `..`, encoded or not, and would name another route.
  if (id === "" || id === "." || id === "..") {
    throw new Error(`${JSON.stringify(id)} is not an id; an id is neither empty nor "." or ".."`);
  }
  return encodeURIComponent(id);
}

/** `?a=b` of what is given; nothing where nothing is. */
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

/** RFC 9457, with a line for each fault of the input that the detail does not have already. */
function problemText(status: number, { title = "", detail, errors = [] }: Problem): string {
  const lines = errors
    .filter(({ message }) => !detail.includes(message))
    .map(
      ({ field, message }) => `\n  ${printable(field === "" ? message : `${field}: ${message}`)}`,
    );
  const hint =
    status === 401
      ? "; FLUXHOOK_API_TOKEN must be the service's own, or one of POST /v1/tokens"
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
