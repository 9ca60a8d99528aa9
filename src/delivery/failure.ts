// Names what went wrong where no response came. The codes are those of Bun 1.4.5's fetch, found by
// playing each case against it; test/delivery/failure.test.ts plays them again.

export type FailureReason =
  | "timeout"
  | "connection-refused"
  | "connection-reset"
  | "connection-failed"
  | "dns"
  | "tls"
  | "bad-response"
  /** EGRESS_PROXY was not to be reached, or refused the tunnel. */
  | "proxy";

export interface Failure {
  kind: "failure";
  reason: FailureReason;
  /** The code behind the reason, for the operator's log. */
  code: string | null;
}

const REASON_BY_CODE: Readonly<Record<string, FailureReason>> = {
  ECONNREFUSED: "connection-refused",
  ECONNRESET: "connection-reset",
  EPIPE: "connection-reset",
  EHOSTUNREACH: "connection-failed",
  ENETUNREACH: "connection-failed",
  ENETDOWN: "connection-failed",
  EHOSTDOWN: "connection-failed",
  ETIMEDOUT: "connection-failed",
  EADDRNOTAVAIL: "connection-failed",
  EACCES: "connection-failed",
  EPROTO: "tls",
  Malformed_HTTP_Response: "bad-response",
  InvalidHTTPResponse: "bad-response",
  InvalidContentLength: "bad-response",
  UnsupportedTransferEncoding: "bad-response",
  ResponseHeadersTooLarge: "bad-response",
  UnrequestedUpgrade: "bad-response",
};

/** OpenSSL's certificate verdicts (X509_V_ERR_*) as Node and Bun spell them. */
const CERTIFICATE_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_|ERROR_IN_CERT_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$)/;

/** llhttp's, by which node:http reads what comes through a tunnel of ours. */
const PARSER_CODE = /^HPE_/;

/** getaddrinfo's, as Bun spells them. */
const NAME_CODE = /^(?:ENOTFOUND|ENODATA|ESERVFAIL|EAI_)/;

/** No byte of the request can have gone out, so another address may be tried at once. */
const BEFORE_SENDING = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EHOSTDOWN",
  "ETIMEDOUT",
  "EADDRNOTAVAIL",
]);

/** The proxy opened no tunnel; where it answered CONNECT (RFC 9110 §9.3.6), `status` says how. */
export const TUNNEL_REFUSED = "ERR_PROXY_TUNNEL";
const STATUS_CODE = /^status-\d/;

export const TIMED_OUT: Failure = { kind: "failure", reason: "timeout", code: null };

/** Null where the error is none of the remote's doing: a header or URL that fetch refuses. */
export function readFailure(
  error: unknown,
  deadlineHasPassed: boolean,
  isProxied = false,
): Failure | null {
  if (deadlineHasPassed) return TIMED_OUT;
  const code = codeOf(error);
  if (code === TUNNEL_REFUSED) return tunnelFailure(error);
  if (code === null || code.startsWith("ERR_INVALID_")) return null;
  // Through a proxy nothing else is resolved and dialled than the proxy.
  if (isProxied && (BEFORE_SENDING.has(code) || NAME_CODE.test(code))) return proxyFailure(code);
  const known = REASON_BY_CODE[code];
  if (known) return { kind: "failure", reason: known, code };
  if (CERTIFICATE_CODE.test(code)) return { kind: "failure", reason: "tls", code };
  if (PARSER_CODE.test(code)) return { kind: "failure", reason: "bad-response", code };
  // A code that nobody has seen yet must not cost the delivery its retries.
  return { kind: "failure", reason: "connection-failed", code };
}

export function mayTryNextAddress({ reason, code }: Failure): boolean {
  if (code === null) return false;
  // A proxy that refuses one address may reach the next; one that is away reaches none.
  return reason === "proxy" ? STATUS_CODE.test(code) : BEFORE_SENDING.has(code);
}

function tunnelFailure(error: unknown): Failure {
  const status = error instanceof Error && "status" in error ? error.status : null;
  if (typeof status === "number") return proxyFailure(`status-${status}`);
  return proxyFailure(codeOf(error instanceof Error ? error.cause : null));
}

function proxyFailure(code: string | null): Failure {
  return { kind: "failure", reason: "proxy", code };
}

function codeOf(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code : null;
}
