// Which requests are for the dashboard. Apart from serve.ts, which is loaded with the first of them.

export const DASHBOARD_PATH = "/";
export const PORTAL_PATH = "/portal";
export const DOCS_PATH = "/docs";
export const ASSETS_PATH = "/assets/";

/** Asked for every request: without parsing the URL. */
export function isDashboardRequest({ url }: { url: string }): boolean {
  const path = pathOf(url);
  return (
    path === DASHBOARD_PATH ||
    path === PORTAL_PATH ||
    path === DOCS_PATH ||
    path.startsWith(ASSETS_PATH)
  );
}

/** Bun's url is the path alone where the request names no host (HTTP/1.0). */
export function pathOf(url: string): string {
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("//") + 2);
  if (start < 0) return "";
  const query = url.indexOf("?", start);
  return query < 0 ? url.slice(start) : url.slice(start, query);
}
