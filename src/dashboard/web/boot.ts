// What the document says about itself, before anybody is signed in.
import type { PageConfig } from "../page-config.ts";

const meta = document.querySelector<HTMLMetaElement>('meta[name="fluxhook"]');

export const config = JSON.parse(meta?.content ?? "") as PageConfig;
export const isPortal = config.page === "portal";

/** Below the document, so below a proxy's path too. */
export function urlOf(path: string): string {
  return new URL(`.${path}`, document.baseURI).href;
}
