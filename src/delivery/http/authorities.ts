// Whom a receiver's certificate has to come from: the authorities that Bun brings, those of the system's
// store, and the operator's own.
import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

const contexts = new Map<string | undefined, SecureContext>();

/**
 * Returns one context for all connections, made when the first one needs it: to read some 170
 * certificates takes 7 ms and 5 MB (measured on 2 cores).
 *
 * @param ownAuthorities `FLUXHOOK_EGRESS_CA`: certificates as PEM, beside the others.
 */
export function trusting(ownAuthorities: string | undefined): SecureContext {
  const known = contexts.get(ownAuthorities);
  if (known !== undefined) return known;
  const context = createSecureContext({ ca: authorities(ownAuthorities) });
  contexts.set(ownAuthorities, context);
  return context;
}

/**
 * Returns all of them, each once, as PEM. Named, they take the place of Bun's own, so these are named
 * too. "system" is where OpenSSL and Go look: SSL_CERT_FILE and SSL_CERT_DIR, else /etc/ssl/certs and
 * what other distributions use; "extra" is NODE_EXTRA_CA_CERTS.
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
