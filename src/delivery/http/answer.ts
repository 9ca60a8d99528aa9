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
}

export type Answer = ResponseHead | Failure;
