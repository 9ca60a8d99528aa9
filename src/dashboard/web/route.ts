// Hash routes: `#/webhooks/wh_1?reason=timeout`. Nothing has to be configured below a proxy's path, and
// a link can be opened in another tab.
import { computed, signal } from "@preact/signals";

export type Query = Record<string, string | undefined>;

export interface Route {
  /** `["webhooks", "wh_1"]` */
  path: readonly string[];
  query: Readonly<Record<string, string>>;
}

export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  return {
    path: path
      .split("/")
      .filter((part) => part !== "")
      .map(decoded),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

export function hashOf(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given as [string, string][]).toString();
  return `#${path}${search === "" ? "" : `?${search}`}`;
}

const hash = signal(typeof location === "undefined" ? "" : location.hash);
export const route = computed(() => parseRoute(hash.value));

export function followAddress(): void {
  addEventListener("hashchange", () => (hash.value = location.hash));
  hash.value = location.hash;
}

export function go(to: string): void {
  location.hash = to;
}

/** For a filter: the back button does not step through what was typed. */
export function replaceRoute(to: string): void {
  history.replaceState(null, "", to);
  hash.value = to;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
