// Attempts by outcome, reason and dialect, in one array: to count one costs some nanoseconds.
import { DIALECT_NAMES, type DialectName } from "../wire/dialects/registry.ts";
import { ATTEMPT_REASONS } from "../wire/log-entry.ts";

export const OUTCOMES = ["delivered", "retry", "parked"] as const;
export type CountedOutcome = (typeof OUTCOMES)[number];

/** Statuses are counted by their class: one label value for each status would be hundreds of series. */
const REASONS = ["", ...ATTEMPT_REASONS, "http-3xx", "http-4xx", "http-5xx", "http-other"];
const PLACE_OF_REASON = new Map(REASONS.map((reason, at) => [reason, at * DIALECT_NAMES.length]));
const OTHER = PLACE_OF_REASON.get("http-other") as number;
const PLACE_OF_DIALECT = new Map<string, number>(DIALECT_NAMES.map((name, at) => [name, at]));
const PER_OUTCOME = REASONS.length * DIALECT_NAMES.length;

export class AttemptCounts {
  private readonly counts = new Float64Array(OUTCOMES.length * PER_OUTCOME);

  add(outcome: CountedOutcome, reason: string | null, dialect: DialectName): void {
    const at =
      placeOfOutcome(outcome) +
      (reason === null ? 0 : (PLACE_OF_REASON.get(reason) ?? placeOfStatus(reason))) +
      (PLACE_OF_DIALECT.get(dialect) ?? 0);
    this.counts[at] = (this.counts[at] as number) + 1;
  }

  /** Those that were counted, and every dialect's deliveries. The reason of a delivery is "". */
  get entries(): { outcome: string; reason: string; dialect: string; count: number }[] {
    const found = [];
    for (const [nth, outcome] of OUTCOMES.entries()) {
      for (const [reason, ofReason] of PLACE_OF_REASON) {
        for (const [dialect, ofDialect] of PLACE_OF_DIALECT) {
          const count = this.counts[nth * PER_OUTCOME + ofReason + ofDialect] ?? 0;
          const isExpected = outcome === "delivered" && reason === "";
          if (count > 0 || isExpected) found.push({ outcome, reason, dialect, count });
        }
      }
    }
    return found;
  }
}

function placeOfOutcome(outcome: CountedOutcome): number {
  if (outcome === "delivered") return 0;
  return outcome === "retry" ? PER_OUTCOME : 2 * PER_OUTCOME;
}

/** `http-503` is counted as `http-5xx`. */
function placeOfStatus(reason: string): number {
  return PLACE_OF_REASON.get(`${reason.slice(0, 6)}xx`) ?? OTHER;
}
