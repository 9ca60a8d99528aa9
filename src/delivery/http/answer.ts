// What `send` promises: the answer to a request as a value, whatever the receiver does.
import type { Failure } from "./failure.ts";

/** How the body ended: by itself, cut off for its length, or because its end never came. */
export type Drain = "ended" | "too-long" | "unfinished";

export type Drained = Promise<Drain>;

/** For answers whose body had ended with the head. */
export const DRAINED: Drained = Promise.resolve("ended");

export interface ResponseHead {
  kind: "response";
  status: number;
  retryAfter: string | null;
  location: string | null;
  /** Resolves when the connection is free again, or was given up; never rejects. */
  drained: Drained;
}

export type Answer = ResponseHead | Failure;
