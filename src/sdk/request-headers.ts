// The forms in which a receiver may pass a request's headers.

/** The request's headers: a `Headers`, or an object such as Node's, with names in any case. */
export type RequestHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** All headers, or only the value of the signature header if that is enough to verify. */
export type SignatureOrHeaders = RequestHeaders | string | readonly string[] | null | undefined;
