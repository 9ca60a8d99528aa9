// What Valkey's absence and its memory limit are to everybody else.

/** It did not answer: what was sent may or may not have been applied. */
export class ValkeyUnavailable extends Error {
  override name = "ValkeyUnavailable";
}

/** It is at its memory limit: what was sent was not applied, and waiting for a connection is no help. */
export class ValkeyFull extends Error {
  override name = "ValkeyFull";
}

/** What is parked cannot be said for sure yet: its index is still being built. Nothing was changed. */
export class ParkedIndexIncomplete extends Error {
  override name = "ParkedIndexIncomplete";
}
