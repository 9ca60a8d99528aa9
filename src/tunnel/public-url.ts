// Handles `/l/<token>`: forwards requests to a session of `fluxhook listen`, and returns the local server's answers.
// The token is the only credential.
import { Deadline } from "../deadline.ts";
import type { ForwardOutcome, TunnelBroker } from "./broker.ts";
import { LISTEN_TOKEN, listenSessionOf } from "../valkey/tunnel/tunnel-token.ts";
import { ValkeyFull, ValkeyUnavailable } from "../valkey/connection/errors.ts";
import { ANSWER_WITHIN_MS, endToEnd, KEPT_MS, MAX_BODY_BYTES } from "../wire/tunnel.ts";
import { readBounded } from "../wire/read-bounded.ts";

/** Returns null if the request is not to a public URL. */
export type PublicUrlHandler = (
  request: Request,
  server: RequestTimeouts,
) => Promise<Response> | null;
/** The part of Bun's server that it uses. */
export interface RequestTimeouts {
  timeout(request: Request, seconds: number): void;
}

const PATH = /^\/l\/([^/]*)(\/.*)?$/;

/** By default Bun closes a connection that is silent for 10 s. */
const SILENT_FOR_S = ANSWER_WITHIN_MS / 1_000 + 15;

export function createPublicUrlHandler(
  broker: Pick<TunnelBroker, "forward">,
  onError: (error: unknown) => void,
) {
  const handle: PublicUrlHandler = (request, server) => {
    // Without a Host header (HTTP/1.0) Bun's url is only the path.
    const url = URL.parse(request.url, "http://localhost");
    const [, token, rest = ""] = PATH.exec(url?.pathname ?? "") ?? [];
    if (url === null || token === undefined) return null;
    // Valkey is not asked about a token that cannot be valid.
    if (!LISTEN_TOKEN.test(token)) return Promise.resolve(refuse(404));
    server.timeout(request, SILENT_FOR_S);
    return receive(request, listenSessionOf(token), rest + url.search).catch((error: unknown) => {
      if (error instanceof ValkeyUnavailable || error instanceof ValkeyFull) return refuse(503);
      onError(error);
      return refuse(500);
    });
  };

  async function receive(request: Request, session: string, path: string): Promise<Response> {
    const { method, headers } = request;
    const body = await readBody(request);
    if (typeof body === "number") return refuse(body);
    const deadline = new Deadline(ANSWER_WITHIN_MS);
    try {
      const forwarded = endToEnd(headers.entries());
      const came = { source: "caller" as const, method, path, headers: forwarded, body };
      return respond(await broker.forward(session, came, deadline.signal), method);
    } finally {
      deadline.clear();
    }
  }

  return handle;
}

async function readBody(request: Request): Promise<Uint8Array | 400 | 413> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return 413;
  try {
    return (await readBounded(request.body, MAX_BODY_BYTES)) ?? 413;
  } catch {
    // The body ended early: probably the caller has disconnected.
    return 400;
  }
}

function respond(outcome: ForwardOutcome, method: string): Response {
  switch (outcome.kind) {
    case "answered":
      return passOn(outcome.answer, method);
    case "waiting":
      return Response.json(
        {
          status: "waiting",
          detail: "the client is away; it gets this request if it reconnects in time",
          kept_for_s: KEPT_MS / 1_000,
        },
        { status: 202 },
      );
    case "late":
      return refuse(504);
    case "full":
      return refuse(429);
    case "ended":
      return refuse(404);
  }
}

/** Headers that affect the whole origin: it is Fluxhook's, and the local server only has this path of it. */
const OF_THE_ORIGIN = new Set([
  "alt-svc",
  "clear-site-data",
  "service-worker-allowed",
  "set-cookie",
  "strict-transport-security",
]);
/** RFC 9110 §15.3.5, §15.3.6 and §15.4.5: these have no content. */
const WITHOUT_BODY = new Set([204, 205, 304]);

function passOn(
  { status, headers, body }: Extract<ForwardOutcome, { kind: "answered" }>["answer"],
  method: string,
): Response {
  const passed = new Headers();
  for (const { name, value } of headers) {
    if (!OF_THE_ORIGIN.has(name.toLowerCase())) passed.append(name, value);
  }
  // Otherwise the page of any local server would run in the dashboard's origin (HTML, "sandboxing").
  passed.append("Content-Security-Policy", "sandbox");
  passed.set("X-Content-Type-Options", "nosniff");
  passed.set("Cache-Control", passed.get("Cache-Control") ?? "no-store");
  const isEmpty = WITHOUT_BODY.has(status) || method === "HEAD";
  return new Response(isEmpty ? null : body, { status, headers: passed });
}

const REFUSALS = {
  400: ["Incomplete", "the body ended early"],
  404: ["Not found", "no session listens here (any more)"],
  413: ["Too large", `the body of a request may have up to ${MAX_BODY_BYTES} bytes`],
  429: [
    "Too many requests wait",
    "the client has not fetched earlier requests yet; try again later",
  ],
  500: ["Internal error", "the request failed here; the cause is in Fluxhook's own log"],
  503: ["Valkey is not available", "try again"],
  504: [
    "No answer in time",
    `the local server did not answer within ${ANSWER_WITHIN_MS / 1_000} s`,
  ],
} as const;

function refuse(status: keyof typeof REFUSALS): Response {
  const [title, detail] = REFUSALS[status];
  const headers = new Headers({
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
  });
  if (status === 429 || status === 503) headers.set("Retry-After", "1");
  const body = { type: `urn:fluxhook:problem:listen-${status}`, title, status, detail };
  return new Response(JSON.stringify(body), { status, headers });
}
