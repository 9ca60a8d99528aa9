// Calls the API with the session's token. What it refuses is thrown as Refused, in words for the reader.
import { signal } from "@preact/signals";
import type { FieldErrors, Problem } from "./answers.ts";
import { urlOf } from "./boot.ts";
import { end, session } from "./session.ts";

export class Refused extends Error {
  constructor(
    /** 0: no answer came. */
    readonly status: number,
    /** The last part of the problem's type: `duplicate-webhook`. */
    readonly kind: string,
    message: string,
    readonly errors: FieldErrors = [],
  ) {
    super(message);
  }
}

/** Since when Fluxhook, or Valkey behind it, has not answered; null while all is well. */
export const away = signal<{ since: Date; who: "Fluxhook" | "Valkey" } | null>(null);

export interface CallOptions {
  signal?: AbortSignal;
  /** In place of the session's. */
  token?: string;
  headers?: Readonly<Record<string, string>>;
  /** In place of JSON.parse. */
  parse?: (text: string) => unknown;
}

/** `body`: an object, or JSON text that goes out as it is. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what it expects
export async function call<T = unknown>(
  method: string,
  path: string,
  body?: object | string,
  options: CallOptions = {},
): Promise<T> {
  const { parse = JSON.parse } = options;
  const { status, text } = await exchange(method, path, body, options);
  if (status >= 200 && status < 300) return (text === "" ? undefined : parse(text)) as T;
  throw refusal(status, text, options.token);
}

/** Any answer, refused ones too; throws Refused only where none came. */
export async function exchange(
  method: string,
  path: string,
  body: object | string | undefined,
  { signal: aborted, token = session.value?.token, headers: more }: CallOptions,
): Promise<{ status: number; text: string; etag: string | null }> {
  const headers: Record<string, string> = { ...more, Accept: "application/json" };
  if (token !== undefined) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const response = await fetch(urlOf(path), {
      method,
      headers,
      signal: aborted,
      body: typeof body === "object" ? JSON.stringify(body) : body,
      credentials: "omit",
      cache: "no-store",
    });
    const text = await response.text();
    noteAnswer(response.status);
    return { status: response.status, text, etag: response.headers.get("etag") };
  } catch (error) {
    if (aborted?.aborted === true) throw error;
    noteNoAnswer();
    throw new Refused(
      0,
      "no-answer",
      "Fluxhook does not answer. Is it running, and the network up?",
    );
  }
}

export function noteNoAnswer(): void {
  away.value ??= { since: new Date(), who: "Fluxhook" };
}

export function noteAnswer(status: number): void {
  if (status !== 503) away.value = null;
  else if (away.value?.who !== "Valkey") away.value = { since: new Date(), who: "Valkey" };
}

export function refusal(status: number, text: string, token: string | undefined): Refused {
  const problem = problemOf(text);
  const kind = problem.type?.split(":").at(-1) ?? "";
  const { errors = [] } = problem;
  const refused = new Refused(status, kind, inWords(status, kind, problem), errors);
  if (status === 401 && token === undefined && session.value !== null) end(endOf(refused));
  return refused;
}

export function endOf({ kind }: Refused): "expired" | "refused" {
  return kind === "token-expired" ? "expired" : "refused";
}

function inWords(status: number, kind: string, { title, detail }: Partial<Problem>): string {
  switch (kind) {
    case "unavailable":
      return "Fluxhook cannot reach Valkey at the moment. Try again in a few seconds.";
    case "duplicate-webhook":
      return "This owner already has a webhook with this URL.";
    case "webhook-disabled":
      return "The webhook is disabled. Enable it, then redeliver.";
    case "in-flight":
      return "Its next attempt is under way or about to begin.";
    case "invalid":
      return "Some of what you entered is not accepted:";
    default:
      return [title, detail].filter(Boolean).join(": ") || `Fluxhook answered ${status}.`;
  }
}

/** Empty where the answer is no problem document: a proxy's own error page, say. */
function problemOf(text: string): Partial<Problem> {
  try {
    return JSON.parse(text) as Partial<Problem>;
  } catch {
    return {};
  }
}

export function refusedOf(error: unknown): Refused {
  if (error instanceof Refused) return error;
  return new Refused(0, "page", `The page failed: ${String(error)}`);
}
