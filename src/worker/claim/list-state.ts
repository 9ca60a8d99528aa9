// What the claimer knows of one queue's list and schedule.
import { ListQuota } from "./list-quota.ts";
import { QueueAge } from "./queue-age.ts";

/** How many lanes and pauses a reply reports, and how often at most. */
const MAX_REPORTED = 256;
const REPORT_EVERY_MS = 250;

export class ListState {
  readonly quota = new ListQuota();
  /** When a reply was last asked to report lanes and pauses. */
  private reportedAt = Number.NEGATIVE_INFINITY;
  isEmpty = false;
  /** By the last reply. */
  length = 0;
  /** Claims of the queue that failed in a row, outages apart, and until when it is left alone. */
  failures = 0;
  askAgainAt = Number.NEGATIVE_INFINITY;
  /** More of the schedule is due than the last batch could hold. */
  hasDue = false;
  /** Where there is room for one item only, what is due and the lanes take turns. */
  isTurnOfDue = false;
  /** How long the oldest element of the list has waited, at least. */
  ageMs = 0;
  private readonly age = new QueueAge();

  /** How many lanes and pauses to ask the next reply to report; 0 soon after the last report. */
  reportLimit(nowMs: number): number {
    if (nowMs - this.reportedAt < REPORT_EVERY_MS) return 0;
    this.reportedAt = nowMs;
    return MAX_REPORTED;
  }

  /** Takes in a claim's reply: elements ever taken off the list, and elements left on it. */
  observe(taken: number, length: number): void {
    this.isEmpty = length === 0;
    this.length = length;
    this.ageMs = this.age.look(taken, length);
  }
}
