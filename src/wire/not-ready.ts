// The causes that `/readyz` reports when the service is not ready.

export const NOT_READY_CODES = [
  "stopping",
  "valkey-unreachable",
  "not-joined",
  "heartbeat-failing",
  "claim-failing",
  "not-claiming",
  "list-stalled",
  "settle-failing",
  "nothing-settled",
] as const;

/** One cause. */
export interface NotReadyCause {
  code: (typeof NOT_READY_CODES)[number];
  /** The affected list of FLUXHOOK_QUEUE; null for all of them. */
  queue: string | null;
  message: string;
}
