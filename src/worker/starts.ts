// How many requests are under way that have just begun. Bun keeps 64 idle connections: more requests
// than that at a time to receivers that answer at once, and each further one costs a connection of its
// own (measured: twice the processor time, and the machine runs out of ports).

/** Clocked by the answers: whoever has seen so many others end is slow, and is not counted. */
const MOST_FRESH = 48;
/** Requests to webhooks without a recent success wait behind the others, and hold half at most. */
const MOST_FRESH_UNPROVEN = MOST_FRESH / 2;
/** Nor is who has been under way for so long, so that slow receivers get all the slots there are. */
const FRESH_MS = 25;
/** Beyond so many they begin together, once in a turn of the event loop: each alone wakes a thread. */
const FEW = 8;
const MOST_REMEMBERED = 1_024;

interface Start {
  unproven: boolean;
  at: number;
  /** How many had ended when it began. */
  ended: number;
  isCounted: boolean;
}

/** A request under way; given back to `end`. */
export type Started = Start;

export class Starts {
  private fresh = 0;
  private freshUnproven = 0;
  private ended = 0;
  /** In the order of their beginning; those that no longer count are taken off lazily. */
  private order: Start[] = [];
  private head = 0;
  private readonly proven: (() => void)[] = [];
  private readonly unproven: (() => void)[] = [];
  private timer: Timer | null = null;
  private isTurnDue = false;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Its turn: at once, with the next ones, or when others have ended or turned out to be slow. */
  enter(unproven: boolean): Started | Promise<Started> {
    const line = unproven ? this.unproven : this.proven;
    if (line.length === 0 && this.fresh < FEW) return this.begin(unproven);
    return new Promise((resolve) => {
      line.push(() => resolve(this.begin(unproven)));
      this.takeTurn();
    });
  }

  end(start: Started): void {
    this.ended += 1;
    this.discount(start);
    if (this.proven.length + this.unproven.length > 0) this.takeTurn();
  }

  private takeTurn(): void {
    if (this.isTurnDue) return;
    this.isTurnDue = true;
    setImmediate(() => {
      this.isTurnDue = false;
      this.admit();
    });
  }

  private begin(unproven: boolean): Start {
    const start = { unproven, at: this.now(), ended: this.ended, isCounted: true };
    this.fresh += 1;
    if (unproven) this.freshUnproven += 1;
    this.order.push(start);
    if (this.order.length >= MOST_REMEMBERED) this.forgetSlow();
    return start;
  }

  private hasRoom(unproven: boolean): boolean {
    if (this.fresh < MOST_FRESH && (!unproven || this.freshUnproven < MOST_FRESH_UNPROVEN)) {
      return true;
    }
    this.forgetSlow();
    return this.fresh < MOST_FRESH && (!unproven || this.freshUnproven < MOST_FRESH_UNPROVEN);
  }

  private admit(): void {
    while (this.proven.length > 0 && this.hasRoom(false)) this.proven.shift()?.();
    while (this.unproven.length > 0 && this.hasRoom(true)) this.unproven.shift()?.();
    if (this.proven.length + this.unproven.length > 0) {
      this.timer ??= setInterval(() => this.admit(), FRESH_MS);
    } else if (this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  private forgetSlow(): void {
    const slowAt = this.now() - FRESH_MS;
    for (; this.head < this.order.length; this.head += 1) {
      const start = this.order[this.head] as Start;
      const isSlow = start.at <= slowAt || this.ended - start.ended >= MOST_FRESH;
      if (start.isCounted && !isSlow) break;
      this.discount(start);
    }
    if (this.head > MOST_REMEMBERED / 2) {
      this.order = this.order.slice(this.head);
      this.head = 0;
    }
  }

  private discount(start: Start): void {
    if (!start.isCounted) return;
    start.isCounted = false;
    this.fresh -= 1;
    if (start.unproven) this.freshUnproven -= 1;
  }
}
