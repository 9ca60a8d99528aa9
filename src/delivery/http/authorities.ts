// The certificate authorities that a receiver's certificate may come from: Bun's, those of the system's
// store, and the operator's own.
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

const contexts = new Map<string | undefined, SecureContext>();

/**
 * Returns one context for all connections, created for the first one: reading some 170 certificates
 * takes 7 ms and 5 MB (measured: commit f42c4ee).
 *
 * @param ownAuthorities `FLUXHOOK_EGRESS_CA`: certificates as PEM, in addition to the others.
 */
export function trusting(ownAuthorities: string | undefined): SecureContext {
  const known = contexts.get(ownAuthorities);
  if (known !== undefined) return known;
  const context = createSecureContext({ ca: authorities(ownAuthorities) });
  contexts.set(ownAuthorities, context);
  return context;
}

/**
 * Returns all authorities as PEM, without duplicates. The option `ca` replaces Bun's own, so they are
 * included. "system" is where OpenSSL and Go look: SSL_CERT_FILE and SSL_CERT_DIR, otherwise
 * /etc/ssl/certs and the paths of other distributions. "extra" is NODE_EXTRA_CA_CERTS.
 */
export function authorities(ownAuthorities: string | undefined): string[] {
  const all = [
    ...getCACertificates("bundled"),
    ...getCACertificates("system"),
    ...getCACertificates("extra"),
    ...(ownAuthorities === undefined ? [] : [ownAuthorities]),
  ];
  return [...new Set(all.map((pem) => pem.trim()))];
}
