// Hash routes: `#/webhooks/wh_1?reason=timeout`. Nothing has to be configured below a proxy's path, and
// a link can be opened in another tab.
import { computed, signal } from "@preact/signals";
import { parseRoute } from "./route-text.ts";

export { hashOf, type Query } from "./route-text.ts";

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
