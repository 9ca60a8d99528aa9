// Serves the pages: the documents at / and /portal, and their files below /assets. It answers with the
// same bytes whoever asks; what the page shows it gets from the API, with the token of who looks at it.
import { chooseEncoding, hasTag } from "./encoding.ts";
import { loadWebFiles, type WebFiles } from "./assets.ts";
import { documentHeaders, renderDocument, type PortalLook } from "./documents.ts";
import type { PageConfig } from "./page-config.ts";
import type { WebFile } from "./web-file.ts";
import { ASSETS_PATH, DASHBOARD_PATH, DOCS_PATH, pathOf, PORTAL_PATH } from "./paths.ts";

export interface DashboardOptions {
  version: string;
  queues: readonly string[];
  valkeyCli: string;
  portal: PortalLook;
}

interface Served {
  file: WebFile;
  headers: Record<string, string>;
}

/** On every answer: nothing is sniffed, nothing tells another host where its reader came from. */
const ALWAYS = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
};

const ASSET_HEADERS = {
  // The name changes with the content.
  "Cache-Control": "public, max-age=31536000, immutable",
  "Content-Security-Policy": "default-src 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export class Dashboard {
  readonly #documents = new Map<string, WebFile>();

  constructor(private readonly options: DashboardOptions) {}

  async answer(request: Request): Promise<Response> {
    const path = pathOf(request.url);
    if (request.method !== "GET" && request.method !== "HEAD") return methodNotAllowed();
    // Relative, and so right below a proxy's path too.
    if (path === DOCS_PATH) return redirect("./#/docs");
    const files = await loadWebFiles();
    const served = this.#find(path, files);
    return served === null ? notFound() : send(request, served);
  }

  #find(path: string, files: WebFiles): Served | null {
    const { origins } = this.options.portal;
    if (path === DASHBOARD_PATH) {
      return { file: this.#document("dashboard", files), headers: documentHeaders([]) };
    }
    if (path === PORTAL_PATH) {
      return { file: this.#document("portal", files), headers: documentHeaders(origins) };
    }
    const file = path.startsWith(ASSETS_PATH) ? files.get(path.slice(1)) : undefined;
    return file === undefined ? null : { file, headers: ASSET_HEADERS };
  }

  #document(page: PageConfig["page"], files: WebFiles): WebFile {
    const made = this.#documents.get(page);
    if (made) return made;
    const index = files.get("index.html");
    if (index === undefined) throw new Error("the bundled pages hold no index.html");
    const document = renderDocument(index, this.#config(page));
    this.#documents.set(page, document);
    return document;
  }

  #config(page: PageConfig["page"]): PageConfig {
    const { version, queues, valkeyCli, portal } = this.options;
    const isPortal = page === "portal";
    return {
      page,
      version,
      name: isPortal ? portal.name : "Fluxhook",
      accent: isPortal ? (portal.accent ?? null) : null,
      returnUrl: isPortal ? (portal.returnUrl ?? null) : null,
      origins: isPortal ? portal.origins : [],
      queues: isPortal ? [] : queues,
      valkeyCli: isPortal ? "" : valkeyCli,
    };
  }
}

function send(request: Request, { file, headers: own }: Served): Response {
  const encoding = chooseEncoding(request.headers.get("accept-encoding"));
  // Strong: each encoding is other bytes (RFC 9110 §8.8.3.3).
  const etag = `"${file.etag}-${encoding}"`;
  const headers: Record<string, string> = {
    ...ALWAYS,
    ...own,
    ETag: etag,
    Vary: "Accept-Encoding",
  };
  if (hasTag(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  const body = bytesOf(file, encoding);
  headers["Content-Type"] = file.type;
  headers["Content-Length"] = String(body.length);
  if (encoding !== "identity") headers["Content-Encoding"] = encoding;
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

function bytesOf({ brotli, gzip }: WebFile, encoding: ReturnType<typeof chooseEncoding>) {
  if (encoding === "br") return brotli;
  return encoding === "gzip" ? gzip : Bun.gunzipSync(gzip);
}

function redirect(location: string): Response {
  const headers = { ...ALWAYS, Location: location, "Cache-Control": "no-store" };
  return new Response(null, { status: 302, headers });
}

/** As the API answers its errors (RFC 9457). */
function refused(status: number, title: string, kind: string, headers: Record<string, string>) {
  return new Response(JSON.stringify({ type: `urn:fluxhook:problem:${kind}`, title, status }), {
    status,
    headers: {
      ...ALWAYS,
      ...headers,
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
    },
  });
}

const notFound = () => refused(404, "Not found", "not-found", {});
const methodNotAllowed = () =>
  refused(405, "Method not allowed", "method-not-allowed", { Allow: "GET, HEAD" });
