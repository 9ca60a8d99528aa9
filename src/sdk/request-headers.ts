// In which forms a receiver may have a request's headers.

/** The request's headers: a `Headers`, or an object such as Node's, its names in any case. */
export type RequestHeaders =
  | { get(name: string): string | null | undefined }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** The headers, or the value of the signature header alone where it is enough to verify. */
export type SignatureOrHeaders = RequestHeaders | string | readonly string[] | null | undefined;
