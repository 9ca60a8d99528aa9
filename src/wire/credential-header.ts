// Which headers carry credentials, by their names.

/** Headers whose value is a credential, or may be one. */
const SENSITIVE_NAME = /auth|token|key|secret|cookie|passw|credential/i;
/** They say how to authenticate, and hold no credentials (RFC 9110 §11.6.1). */
const CHALLENGE = /^(?:www|proxy)-authenticate$/i;

export function isCredentialHeader(name: string): boolean {
  return SENSITIVE_NAME.test(name) && !CHALLENGE.test(name.trim());
}
