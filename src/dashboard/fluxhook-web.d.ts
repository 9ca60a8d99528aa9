// The module that build.ts makes of the bundled pages: each with the paths of its two encodings inside
// of the binary.
declare module "fluxhook:web" {
  export const files: readonly {
    path: string;
    type: string;
    etag: string;
    brotli: string;
    gzip: string;
  }[];
}
