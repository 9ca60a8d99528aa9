// `--forward-to`: the address of the local server, and the local address of each request.

export const FORWARD_TO_ACCEPTED =
  "a port, host:port with a path, or an http(s) URL, such as 3000, localhost:3000/webhooks or http://localhost:3000/webhooks";

const HAS_SCHEME = /^https?:\/\//i;

/** Returns null if the text is not a valid address. */
export function readForwardTo(text: string): URL | null {
  const full = HAS_SCHEME.test(text)
    ? text
    : /^\d+(?:\/|$)/.test(text)
      ? `http://localhost:${text}`
      : text.startsWith(":")
        ? `http://localhost${text}`
        : `http://${text}`;
  // WHATWG URL drops tabs and newlines silently.
  const url = /[\s\\]/.test(text) ? null : URL.parse(full);
  if (url === null || url.port === "0" || !/^https?:$/.test(url.protocol)) return null;
  // `localhost` or `foo` alone would mean port 80, which is rarely intended.
  if (!HAS_SCHEME.test(text) && !/^[^/]*:\d+(?:\/|$)/.test(full.slice("http://".length)))
    return null;
  return url.username + url.password + url.search + url.hash === "" ? url : null;
}

/** Appends `rest`, the path below the session's URL. Returns null if that leaves the base's path. */
export function addressOf(base: URL, rest: string): URL | null {
  const path = base.pathname.replace(/\/$/, "");
  // An empty rest means the base itself, with or without the trailing slash.
  const isBase = rest === "" || rest.startsWith("?");
  const address = URL.parse(`${base.origin}${isBase ? base.pathname : path}${rest}`);
  // The parser resolves `..`, even if it is percent-encoded.
  const isBelow = address?.pathname === base.pathname || address?.pathname.startsWith(`${path}/`);
  return address !== null && address.origin === base.origin && isBelow ? address : null;
}
