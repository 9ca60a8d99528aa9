// The two documents, `/` for the operator and `/portal` for one owner: the same page, with what it has
// to know before anybody is signed in, and the policy that the browser holds it to.
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { WebFile } from "./web-file.ts";
import type { PageConfig } from "./page-config.ts";

export interface PortalLook {
  /** Web origins that may put the portal into a frame. */
  origins: readonly string[];
  name: string;
  /** `#rrggbb`; the page's own where it is missing. */
  accent?: string;
  /** Where a new link is to be had when one has expired. */
  returnUrl?: string;
}

/** Stands in index.html where the configuration goes. */
const SLOT = 'name="fluxhook" content=""';

export function renderDocument(index: WebFile, config: PageConfig): WebFile {
  const html = new TextDecoder().decode(Bun.gunzipSync(index.gzip));
  if (!html.includes(SLOT)) throw new Error(`the bundled index.html has no ${SLOT}`);
  const meta = `name="fluxhook" content="${Bun.escapeHTML(JSON.stringify(config))}"`;
  const bytes = Buffer.from(html.replace(SLOT, () => meta));
  return {
    ...index,
    etag: Bun.hash(bytes).toString(36),
    brotli: new Uint8Array(brotliCompressSync(bytes)),
    gzip: new Uint8Array(gzipSync(bytes)),
  };
}

/**
 * No inline script or style, no other host, no HTML made from text (Trusted Types), and no frame but of
 * those who may frame the portal.
 */
export function documentHeaders(frameOrigins: readonly string[]): Record<string, string> {
  const ancestors = frameOrigins.length > 0 ? frameOrigins.join(" ") : "'none'";
  return {
    "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
      "img-src 'self'; base-uri 'none'; form-action 'self'; " +
      `frame-ancestors ${ancestors}; require-trusted-types-for 'script'; trusted-types 'none'`,
    // RFC 7034 knows no list of origins, and browsers that know `frame-ancestors` ignore it.
    ...(frameOrigins.length > 0 ? {} : { "X-Frame-Options": "DENY" }),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
  };
}
