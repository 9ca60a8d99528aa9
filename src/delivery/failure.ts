// Names what went wrong where no response came. The codes are those of Bun 1.4.5's fetch, found by
// playing each case against it; test/delivery/failure.test.ts plays them again.

export type FailureReason =
  | "timeout"
  | "connection-refused"
  | "connection-reset"
  | "connection-failed"
  | "dns"
  | "tls"
  | "bad-response";

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

export const TIMED_OUT: Failure = { kind: "failure", reason: "timeout", code: null };

/** Null where the error is none of the remote's doing: a header or URL that fetch refuses. */
export function readFailure(error: unknown, deadlineHasPassed: boolean): Failure | null {
  if (deadlineHasPassed) return TIMED_OUT;
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (typeof code !== "string" || code.startsWith("ERR_INVALID_")) return null;
  const known = REASON_BY_CODE[code];
  if (known) return { kind: "failure", reason: known, code };
  if (CERTIFICATE_CODE.test(code)) return { kind: "failure", reason: "tls", code };
  // A code that nobody has seen yet must not cost the delivery its retries.
  return { kind: "failure", reason: "connection-failed", code };
}

export function mayTryNextAddress(failure: Failure): boolean {
  return failure.code !== null && BEFORE_SENDING.has(failure.code);
}
