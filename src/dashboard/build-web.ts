// Bundles the dashboard's pages and compresses them. `bun run build` puts the result into the binary;
// from source, assets.ts calls it at the first request.
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { join } from "node:path";
import type { WebFile } from "./web-file.ts";

const INDEX = join(import.meta.dir, "web/index.html");

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** `small` is for the binary: about a second. `fast` is for a developer who waits for the page. */
export type Effort = "small" | "fast";

/** @throws AggregateError with Bun's messages where the pages do not bundle. */
export async function buildWeb(effort: Effort): Promise<WebFile[]> {
  const { outputs } = await Bun.build({
    entrypoints: [INDEX],
    target: "browser",
    minify: true,
    splitting: true,
    // Without `publicPath` the document and the chunks name each other relatively: the pages work below
    // any path of a proxy.
    naming: {
      entry: "[name].[ext]",
      chunk: "assets/[name]-[hash].[ext]",
      asset: "assets/[name]-[hash].[ext]",
    },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return Promise.all(outputs.map(async (output) => compressed(output, effort)));
}

async function compressed(output: Bun.BuildArtifact, effort: Effort): Promise<WebFile> {
  const path = output.path.replace(/^\.?\//, "");
  const type = TYPES[path.slice(path.lastIndexOf(".") + 1)];
  if (type === undefined) throw new Error(`no media type is known for ${path}`);
  const bytes = new Uint8Array(await output.arrayBuffer());
  const isSmall = effort === "small";
  const quality = { [constants.BROTLI_PARAM_QUALITY]: isSmall ? constants.BROTLI_MAX_QUALITY : 4 };
  return {
    path,
    type,
    etag: Bun.hash(bytes).toString(36),
    brotli: brotliCompressSync(bytes, { params: quality }),
    gzip: gzipSync(bytes, { level: isSmall ? constants.Z_BEST_COMPRESSION : 1 }),
  };
}
