// Why a service is not ready, as `/readyz` answers it.

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

/** One reason why no work gets done. */
export interface NotReadyCause {
  code: (typeof NOT_READY_CODES)[number];
  /** The list of FLUXHOOK_QUEUE that it concerns; null: all of them. */
  queue: string | null;
  message: string;
}
