// Frees the connection after a response. An unread body holds one of fetch's slots for as long as
// the receiver likes, so each is read a little (a finished one lets the connection live) or cut off.
import type { Deadline } from "./deadline.ts";

const MAX_BODY_BYTES = 16 * 1024;
/** Spread, so that many that never end do not all end, and begin anew, in the same moment. */
const LEAST_DRAIN_MS = 500;
const MAX_DRAIN_MS = 1_000;

/** How the body ended: by itself, cut off for its length, or because it never came to its end. */
export type Drain = "ended" | "too-long" | "unfinished";
export type Drained = Promise<Drain>;

export const DRAINED: Drained = Promise.resolve("ended");

/** Takes the deadline over: clears it when the slot is free. Never rejects. */
export function drain(response: Response, deadline: Deadline): Drained {
  if (hasNoBody(response)) {
    deadline.clear();
    return DRAINED;
  }
  deadline.shortenTo(LEAST_DRAIN_MS + Math.random() * (MAX_DRAIN_MS - LEAST_DRAIN_MS));
  return readAndDiscard(response).finally(() => deadline.clear());
}

function hasNoBody({ status, headers }: Response): boolean {
  return status === 204 || status === 304 || headers.get("content-length") === "0";
}

async function readAndDiscard(response: Response): Promise<Drain> {
  try {
    const length = response.headers.get("content-length");
    if (length !== null) {
      // Known beforehand: it is not waited for, and nothing of it is read.
      if (Number(length) > MAX_BODY_BYTES) {
        await response.body?.cancel();
        return "too-long";
      }
      // A short one needs no stream; fetch holds the receiver to that length.
      await response.arrayBuffer();
      return "ended";
    }
    const reader = response.body?.getReader();
    if (reader === undefined) return "ended";
    for (let bytes = 0; bytes < MAX_BODY_BYTES;) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      bytes += value.byteLength;
    }
    await reader.cancel();
    return "too-long";
  } catch {
    // The outcome is fixed: a body that breaks off, or is cut off by the deadline, changes nothing.
  }
  return "unfinished";
}
