// Every answer of the route that is no answer of a workflow, as application/problem+json (RFC 9457). None quotes
// the body, and none says whether a workflow exists.

const REFUSALS = {
  "not-json": { status: 400, title: "The body is not JSON" },
  "bad-request": { status: 400, title: "The request is malformed" },
  unauthorized: { status: 401, title: "The signature is missing or wrong" },
  "method-not-allowed": { status: 405, title: "Method not allowed" },
  "workflow-disabled": { status: 409, title: "The workflow is disabled" },
  "key-reused": { status: 409, title: "This idempotency key was used with another body" },
  "too-large": { status: 413, title: "Too large" },
  "unsupported-media-type": { status: 415, title: "Unsupported media type" },
  "too-many-failures": { status: 429, title: "Too many wrong signatures" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "Internal error" },
  "node-failed": { status: 502, title: "The workflow failed" },
  cancelled: { status: 502, title: "The workflow was cancelled" },
  unavailable: { status: 503, title: "Valkey is not available" },
  "timed-out": { status: 504, title: "The workflow has not ended in time" },
} as const;

export type RefusalKind = keyof typeof REFUSALS;

export interface RefusalExtras {
  executionId?: string;
  nodeId?: string | null;
  code?: string;
  retryAfterS?: number;
  allow?: string;
  isReplayed?: boolean;
}

export function refuse(kind: RefusalKind, detail: string, extras: RefusalExtras = {}): Response {
  const { status, title } = REFUSALS[kind];
  const { executionId, nodeId, code, retryAfterS, allow, isReplayed } = extras;
  const headers = new Headers({
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  if (retryAfterS !== undefined) headers.set("Retry-After", String(retryAfterS));
  if (allow !== undefined) headers.set("Allow", allow);
  if (executionId !== undefined) headers.set("X-Execution-Id", executionId);
  if (isReplayed) headers.set("Idempotency-Replayed", "true");
  const body = {
    type: `urn:fluxhook:problem:${kind}`,
    title,
    status,
    detail,
    ...(executionId === undefined ? {} : { executionId }),
    ...(nodeId === undefined ? {} : { node_id: nodeId }),
    ...(code === undefined ? {} : { code }),
  };
  return new Response(JSON.stringify(body), { status, headers });
}
