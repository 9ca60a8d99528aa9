// Errors of the stores that callers handle.

/** Valkey did not answer: it may or may not have applied what was sent. */
export class ValkeyUnavailable extends Error {
  override name = "ValkeyUnavailable";
}

/** Valkey is at its memory limit: it has not applied what was sent, and a new connection would not help. */
export class ValkeyFull extends Error {
  override name = "ValkeyFull";
}

/** The index of parked deliveries is still being built, so the answer would be wrong. Nothing was changed. */
export class ParkedIndexIncomplete extends Error {
  override name = "ParkedIndexIncomplete";
}
