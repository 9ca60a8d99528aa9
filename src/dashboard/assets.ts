// The bundled pages: out of the binary, or bundled at the first request where Fluxhook runs from source.
import type { WebFile } from "./web-file.ts";

export type WebFiles = ReadonlyMap<string, WebFile>;

/** `true` in the binary, where build.ts defines it; the bundler drops the other branch there. */
declare const FLUXHOOK_HAS_PAGES: boolean | undefined;

let loaded: Promise<WebFiles> | null = null;

export function loadWebFiles(): Promise<WebFiles> {
  loaded ??= load().catch((error: unknown) => {
    // From source the fault may be mended while the service runs.
    loaded = null;
    throw error;
  });
  return loaded;
}

async function load(): Promise<WebFiles> {
  const files =
    typeof FLUXHOOK_HAS_PAGES === "boolean"
      ? await embedded()
      : await (await import("./build-web.ts")).buildWeb("fast");
  return new Map(files.map((file) => [file.path, file]));
}

async function embedded(): Promise<WebFile[]> {
  const { files } = await import("fluxhook:web");
  return Promise.all(
    files.map(async (file) => ({
      ...file,
      brotli: await Bun.file(file.brotli).bytes(),
      gzip: await Bun.file(file.gzip).bytes(),
    })),
  );
}
