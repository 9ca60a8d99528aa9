// Valkey's address as a log, an error or a terminal may show it: without its password (guarantee 9).

/** The address without user, password and query, each of which may hold a secret. */
export function shownAddress(url: string): string {
  if (/^(\/|unix:)/.test(url)) {
    // With credentials it is no URL to WHATWG, so it is not taken apart, only the path is taken out.
    const path = /^(?:unix:\/\/)?(\/[^?@]*)(?:\?|$)/.exec(url)?.[1];
    return path === undefined ? "a unix socket" : `unix://${path}`;
  }
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
