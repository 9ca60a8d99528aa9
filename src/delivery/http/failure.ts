// Names what went wrong where no response came. The codes are those of Bun 1.4.5's sockets, found by
// playing each case against them; test/delivery/http/failure.test.ts plays them again.

export type FailureReason =
  | "timeout"
  | "connection-refused"
  | "connection-reset"
  | "connection-failed"
  | "dns"
  /** The certificate is not valid today: it has expired, or its time has not come yet. */
  | "tls-expired"
  /** No certificate authority that is trusted here has signed it. */
  | "tls-untrusted"
  /** The certificate is for other names. */
  | "tls-wrong-name"
  /** Any other failure of the handshake. */
  | "tls"
  | "bad-response"
  /** EGRESS_PROXY could not be reached, or refused the tunnel. */
  | "proxy"
  /** EGRESS_PROXY did not answer CONNECT. */
  | "proxy-timeout"
  /** EGRESS_PROXY answered CONNECT with 502, 503 or 504: it did not reach the receiver. */
  | "receiver-unreachable";

export interface Failure {
  kind: "failure";
  reason: FailureReason;
  /** The code behind the reason, for the operator's log. */
  code: string | null;
  /** The operator has to fix it. It says nothing about the receiver. */
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

/** What a receiver's owner can repair has a reason of its own. */
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

/** OpenSSL's certificate verdicts (X509_V_ERR_*) as Node and Bun spell them. */
const CERTIFICATE_CODE =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_|ERROR_IN_CERT_|INVALID_CA$|INVALID_PURPOSE$|PATH_LENGTH_EXCEEDED$|HOSTNAME_MISMATCH$|IP_ADDRESS_MISMATCH$)/;

/** How a proxy answered CONNECT (RFC 9110 §9.3.6), where it opened no tunnel. */
const STATUS_CODE = /^status-\d/;

export const TIMED_OUT: Failure = { kind: "failure", reason: "timeout", code: null };

/** Of a connection that ended before there was an answer. Without a code it simply closed. */
export function connectionFailure(code: string | null): Failure {
  const known = code ?? "ECONNRESET";
  if (CERTIFICATE_CODE.test(known)) {
    const reason = REASON_BY_CERTIFICATE_CODE[known] ?? "tls";
    return { kind: "failure", reason, code: known };
  }
  // A code that nobody has seen yet must not cost the delivery its retries.
  return { kind: "failure", reason: REASON_BY_CODE[known] ?? "connection-failed", code: known };
}

/** The proxy could not be reached, or does not let us through: the receiver has seen nothing. */
export function proxyFailure(code: string | null): Failure {
  return { kind: "failure", reason: "proxy", code, isOurs: true };
}

/** The proxy's answer to CONNECT that opened no tunnel. RFC 9110 §15.6.3 to §15.6.5 speak of the receiver. */
export function tunnelRefused(status: number): Failure {
  const code = `status-${status}`;
  return status === 502 || status === 503 || status === 504
    ? { kind: "failure", reason: "receiver-unreachable", code }
    : proxyFailure(code);
}

/** Whether another address may be dialled after this failure, which came before the request was sent. */
export function mayTryNextAddress({ reason, code }: Failure): boolean {
  if (reason !== "proxy") return true;
  // A proxy that forbids one address may allow the next. One that is away, or that does not accept our
  // credentials, opens no tunnel at all.
  return code !== null && STATUS_CODE.test(code) && code !== "status-407";
}

/** Null where it has none. */
export function socketCode(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code : null;
}
