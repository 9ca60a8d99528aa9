// Names the reason why there was no response. The codes are those of Bun 1.4.5's sockets;
// test/delivery/http/failure.test.ts provokes each of them.

export type FailureReason =
  | "timeout"
  | "connection-refused"
  | "connection-reset"
  | "connection-failed"
  | "dns"
  /** The certificate has expired or is not valid yet. */
  | "tls-expired"
  /** No trusted certificate authority has signed the certificate. */
  | "tls-untrusted"
  /** The certificate is for other names. */
  | "tls-wrong-name"
  /** Any other failure of the TLS handshake. */
  | "tls"
  | "bad-response"
  /** EGRESS_PROXY could not be reached or refused the tunnel. */
  | "proxy"
  /** EGRESS_PROXY did not answer CONNECT. */
  | "proxy-timeout"
  /** EGRESS_PROXY answered CONNECT with 502, 503 or 504: it did not reach the receiver. */
  | "receiver-unreachable";

export interface Failure {
  kind: "failure";
  reason: FailureReason;
  /** The error code, for the operator's log. */
  code: string | null;
  /** The operator has to fix it; it is not the receiver's fault. */
  isOurs?: boolean;
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
};

/** Failures that a receiver's owner can repair have reasons of their own. */
const REASON_BY_CERTIFICATE_CODE: Readonly<Record<string, FailureReason>> = {
  CERT_HAS_EXPIRED: "tls-expired",
  CERT_NOT_YET_VALID: "tls-expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "tls-untrusted",
  SELF_SIGNED_CERT_IN_CHAIN: "tls-untrusted",
  UNABLE_TO_GET_ISSUER_CERT: "tls-untrusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "tls-untrusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "tls-untrusted",
  CERT_UNTRUSTED: "tls-untrusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls-wrong-name",
  HOSTNAME_MISMATCH: "tls-wrong-name",
  IP_ADDRESS_MISMATCH: "tls-wrong-name",
};

/** OpenSSL's certificate errors (X509_V_ERR_*) as Node and Bun spell them. */
const CERTIFICATE_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_|ERROR_IN_CERT_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$|IP_ADDRESS_MISMATCH$)/;

/** The code of a proxy that answered CONNECT (RFC 9110 §9.3.6) without opening a tunnel. */
const STATUS_CODE = /^status-\d/;

export const TIMED_OUT: Failure = { kind: "failure", reason: "timeout", code: null };

/** Names the failure of a connection that ended before an answer. Without a code it was just closed. */
export function connectionFailure(code: string | null): Failure {
  const known = code ?? "ECONNRESET";
  if (CERTIFICATE_CODE.test(known)) {
    const reason = REASON_BY_CERTIFICATE_CODE[known] ?? "tls";
    return { kind: "failure", reason, code: known };
  }
  // An unknown code must not cost the delivery its retries.
  return { kind: "failure", reason: REASON_BY_CODE[known] ?? "connection-failed", code: known };
}

/** The proxy could not be reached or refused us; the receiver got nothing. */
export function proxyFailure(code: string | null): Failure {
  return { kind: "failure", reason: "proxy", code, isOurs: true };
}

/** Names the failure behind a refused CONNECT. RFC 9110 §15.6.3 to §15.6.5: these blame the receiver. */
export function tunnelRefused(status: number): Failure {
  const code = `status-${status}`;
  return status === 502 || status === 503 || status === 504
    ? { kind: "failure", reason: "receiver-unreachable", code }
    : proxyFailure(code);
}

/** Returns whether another address may be dialled after this failure, before the request was sent. */
export function mayTryNextAddress({ reason, code }: Failure): boolean {
  if (reason !== "proxy") return true;
  // A proxy that forbids one address may allow the next. A proxy that is unreachable or rejects our
  // credentials opens no tunnel at all.
  return code !== null && STATUS_CODE.test(code) && code !== "status-407";
}

/** Returns the code of a socket's error, or null if it has none. */
export function socketCode(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code : null;
}
