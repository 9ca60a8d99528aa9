// Valkey's address for logs, errors and the terminal: without its password (guarantee 9).

/** Returns the address without user, password and query, each of which may contain a secret. */
export function shownAddress(url: string): string {
  if (/^(\/|unix:)/.test(url)) {
    // With credentials it is not a URL by WHATWG's rules, so only the path is extracted.
    const path = /^(?:unix:\/\/)?(\/[^?@]*)(?:\?|$)/.exec(url)?.[1];
    return path === undefined ? "a unix socket" : `unix://${path}`;
  }
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
