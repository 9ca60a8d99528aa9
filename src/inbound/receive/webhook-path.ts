// Recognises the path of the route. No URL is parsed: every request of the service passes here first.

const PATH = "/api/webhooks/";

export interface WebhookPath {
  id: string;
  /** The query with its `?`, or "". */
  search: string;
}

/** Returns null for any other path. */
export function webhookPath(url: string): WebhookPath | null {
  // Without a Host header (HTTP/1.0) Bun's url is only the path.
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1 || !url.startsWith(PATH, start)) return null;
  const question = url.indexOf("?", start);
  const id = url.slice(start + PATH.length, question === -1 ? undefined : question);
  // A longer path is another route's; an id that none can have is unknown, like any other.
  if (id === "" || id.includes("/")) return null;
  return { id, search: question === -1 ? "" : url.slice(question) };
}
