// Forwards one request to the local server with its method, headers and bytes unchanged, and returns the
// response unchanged. Uses node:http, because fetch adds headers and refuses some methods with a body.
import { request as requestPlain, type IncomingMessage } from "node:http";
import { request as requestTls } from "node:https";
import {
  ANSWER_WITHIN_MS,
  MAX_BODY_BYTES,
  type ListenAnswer,
  type ListenHeader,
  type ListenRequest,
} from "../../wire/tunnel.ts";
import { addressOf } from "./forward-to.ts";

export interface Forwarded {
  answer: Omit<ListenAnswer, "id">;
  /** Why the local server did not answer, or null. */
  problem: string | null;
  durationMs: number;
}

type LocalAnswer =
  | { kind: "answered"; status: number; headers: ListenHeader[]; body: Buffer }
  | { kind: "failed"; status: 400 | 502 | 504; problem: string };

export async function forward(request: ListenRequest, base: URL): Promise<Forwarded> {
  const startedAt = performance.now();
  const answer = await ask(request, base);
  const durationMs = performance.now() - startedAt;
  if (answer.kind === "failed") {
    const { status, problem } = answer;
    return { answer: refusal(status, problem), problem, durationMs };
  }
  const { status, headers, body } = answer;
  return {
    answer: { status, headers, body: body.toString("base64") },
    problem: null,
    durationMs,
  };
}

/** Returns the response that the caller gets if the local server did not answer. */
export function refusal(status: number, problem: string): Omit<ListenAnswer, "id"> {
  return {
    status,
    headers: [{ name: "content-type", value: "text/plain; charset=utf-8" }],
    body: Buffer.from(`fluxhook listen: ${problem}\n`).toString("base64"),
  };
}

async function ask(request: ListenRequest, base: URL): Promise<LocalAnswer> {
  const url = addressOf(base, request.path);
  if (url === null) {
    return { kind: "failed", status: 400, problem: `the path leads out of ${base.pathname}` };
  }
  try {
    const answer = await askAt(hostOf(base), url, request);
    // Some development servers listen on only one of localhost's two addresses.
    return answer === "refused-by-ipv4" ? await askOther(url, request) : answer;
  } catch (error) {
    // node:http refuses to send this method or header.
    return failed((error as { code?: string }).code, url);
  }
}

async function askOther(url: URL, request: ListenRequest): Promise<LocalAnswer> {
  const answer = await askAt("::1", url, request);
  return answer === "refused-by-ipv4" ? failed("ECONNREFUSED", url) : answer;
}

function hostOf({ hostname }: URL): string {
  return hostname === "localhost" ? "127.0.0.1" : hostname.replace(/^\[|\]$/g, "");
}

/** @throws the error of node:http for a request that it refuses to send. */
async function askAt(
  host: string,
  url: URL,
  { method, headers, body }: ListenRequest,
): Promise<LocalAnswer | "refused-by-ipv4"> {
  const { promise, resolve } = Promise.withResolvers<LocalAnswer | "refused-by-ipv4">();
  const bytes = Buffer.from(body, "base64");
  const isTls = url.protocol === "https:";
  const asking = (isTls ? requestTls : requestPlain)({
    host,
    port: url.port || (isTls ? 443 : 80),
    method,
    path: url.pathname + url.search,
    // As pairs: node:http sends these unchanged, repeated headers included.
    headers: [
      "Host",
      url.host,
      ...headers.flatMap(({ name, value }) => [name, value]),
      ...(bytes.length > 0 || TAKES_LENGTH.has(method)
        ? ["Content-Length", String(bytes.length)]
        : []),
    ],
    ...(isTls ? { servername: url.hostname, rejectUnauthorized: !isLoopback(url) } : {}),
  });
  const limit = setTimeout(() => {
    const problem = `${url.host} did not answer within ${ANSWER_WITHIN_MS / 1_000} s`;
    settle({ kind: "failed", status: 504, problem });
    asking.destroy();
  }, ANSWER_WITHIN_MS);
  const settle = (answer: LocalAnswer | "refused-by-ipv4") => {
    clearTimeout(limit);
    resolve(answer);
  };
  asking.on("error", (error: NodeJS.ErrnoException) => {
    const isRefused = error.code === "ECONNREFUSED" && url.hostname === "localhost";
    settle(isRefused && host !== "::1" ? "refused-by-ipv4" : failed(error.code, url));
  });
  asking.on("upgrade", (_message, socket) => {
    socket.destroy();
    settle({ kind: "failed", status: 502, problem: `${url.host} switched protocols` });
  });
  asking.on("response", (message) => {
    readAnswer(message, url).then(settle, () => settle(failed("ECONNRESET", url)));
  });
  asking.end(bytes);
  return await promise;
}

/** RFC 9110 §8.6: methods with defined content should have a Content-Length. */
const TAKES_LENGTH = new Set(["POST", "PUT", "PATCH"]);

async function readAnswer(message: IncomingMessage, url: URL): Promise<LocalAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      message.destroy();
      const problem = `${url.host} answered more than ${MAX_BODY_BYTES} bytes`;
      return { kind: "failed", status: 502, problem };
    }
    chunks.push(chunk);
  }
  const status = message.statusCode ?? 0;
  if (status < 200 || status > 599) {
    return { kind: "failed", status: 502, problem: `${url.host} answered the status ${status}` };
  }
  const headers: ListenHeader[] = [];
  for (let at = 0; at < message.rawHeaders.length; at += 2) {
    headers.push({ name: message.rawHeaders[at] ?? "", value: message.rawHeaders[at + 1] ?? "" });
  }
  return { kind: "answered", status, headers, body: Buffer.concat(chunks) };
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses the connection; is your server running?",
  ECONNRESET: "closed the connection without an answer",
  ENOTFOUND: "was not found by DNS",
};

function failed(code: string | undefined, { host }: URL): LocalAnswer {
  const said = PROBLEMS[code ?? ""] ?? "could not be reached";
  return { kind: "failed", status: 502, problem: `${host} ${said} (${code ?? "unknown"})` };
}

/** Accepts the self-signed certificate of a development server: the connection stays on this machine. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
