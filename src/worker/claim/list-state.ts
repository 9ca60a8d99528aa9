// What the claimer knows of one queue's list and schedule.
import { ListQuota } from "./list-quota.ts";
import { QueueAge } from "./queue-age.ts";

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
  private readonly age = new QueueAge();

  /** Takes in a claim's reply: elements ever taken off the list, and elements left on it. */
  observe(taken: number, length: number): void {
    this.isEmpty = length === 0;
    this.ageMs = this.age.look(taken, length);
  }
}
