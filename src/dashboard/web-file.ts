// A file of the bundled pages.

/** One file as the bundler named it, in the two encodings in which it is kept. */
export interface WebFile {
  path: string;
  type: string;
  /** Of the content, without the encoding. */
  etag: string;
  brotli: Uint8Array<ArrayBuffer>;
  gzip: Uint8Array<ArrayBuffer>;
}
