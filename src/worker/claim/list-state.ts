// What the claimer knows of one queue's list and schedule.
import { ListQuota } from "./list-quota.ts";
import { QueueAge } from "./queue-age.ts";

const MAX_TOO_LATE = 2;
const TOO_LATE_PAUSE_MS = 1_000;

export class ListState {
  readonly quota = new ListQuota();
  /** When a reply was last asked to report lanes and pauses. */
  reportedAt = Number.NEGATIVE_INFINITY;
  isEmpty = false;
  /** Claims of the queue that failed in a row, outages apart, and until when it is left alone. */
  failures = 0;
  askAgainAt = Number.NEGATIVE_INFINITY;
  /** More of the schedule is due than the last batch could hold. */
  hasDue = false;
  /** Where there is room for one item only, what is due and the lanes take turns. */
  isTurnOfDue = false;
  /** How long the oldest element of the list has waited, at least. */
  ageMs = 0;
  /** Claims in a row that came too late for the element that the list was watched for. */
  private tooLate = 0;
  private readonly age = new QueueAge();

  /**
   * How long to wait before the list is watched again. All replicas wake for one element, and all but one
   * claim nothing: one that came too late twice in a row leaves the list to the others for a while.
   */
  pauseBeforeWatch(claimed: number): number {
    this.tooLate = claimed === 0 ? this.tooLate + 1 : 0;
    return this.tooLate >= MAX_TOO_LATE ? TOO_LATE_PAUSE_MS : 0;
  }

  /** Takes in a claim's reply: elements ever taken off the list, and elements left on it. */
  observe(taken: number, length: number): void {
    this.isEmpty = length === 0;
    this.ageMs = this.age.look(taken, length);
  }
}
