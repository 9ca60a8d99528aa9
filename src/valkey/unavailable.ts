// The one error that says: Valkey did not answer, so a write may or may not have been applied.

export class ValkeyUnavailable extends Error {
  override name = "ValkeyUnavailable";
}
