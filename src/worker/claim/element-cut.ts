// What is claimed of an element that is too large to be an event.
import type { Cut } from "../../valkey/queue/claimed.ts";

/** An element that is too large is kept whole up to this size, so that it can be requeued. */
const MAX_WHOLE_BYTES = 1024 * 1024;
const KEPT_BYTES = 64 * 1024;

export function elementCut(maxEventBytes: number): Cut {
  return { over: Math.max(maxEventBytes, MAX_WHOLE_BYTES), to: KEPT_BYTES };
}
