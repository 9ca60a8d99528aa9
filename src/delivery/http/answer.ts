// The result of `send`: a value, whatever the receiver does.
import type { Failure } from "./failure.ts";

/** How the body ended: complete, cut off because it is too long, or without its end. */
export type Drain = "ended" | "too-long" | "unfinished";

export type Drained = Promise<Drain>;

/** For responses whose body ended together with the head. */
export const DRAINED: Drained = Promise.resolve("ended");

export interface ResponseHead {
  kind: "response";
  status: number;
  retryAfter: string | null;
  location: string | null;
  /** Resolves when the connection is free or closed; never rejects. */
  drained: Drained;
  /** Only of a request with `keepBytes`; null if the body was longer. */
  content?: Content | null;
}

/** What a request with `keepBytes` keeps of its response. */
export interface Content {
  /** Status line and headers in Latin-1, including the empty line. */
  head: string;
  body: Buffer;
}

export type Answer = ResponseHead | Failure;
