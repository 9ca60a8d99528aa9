// What arrived, in order, and a wait for the n-th arrival that ends with the event, not with a poll.

interface Waiter<Item> {
  count: number;
  resolve(items: readonly Item[]): void;
  reject(error: Error): void;
}

export class ArrivalLog<Item> {
  readonly items: Item[] = [];
  readonly #noun: string;
  #waiters: Waiter<Item>[] = [];
  #failure: Error | null = null;

  /** `noun` names the items in the message of a wait that ran out: "requests". */
  constructor(noun: string) {
    this.#noun = noun;
  }

  /** Adds one and answers how many there are now. */
  add(item: Item): number {
    this.items.push(item);
    const served = this.#waiters.filter((waiter) => this.items.length >= waiter.count);
    this.#waiters = this.#waiters.filter((waiter) => this.items.length < waiter.count);
    for (const waiter of served) waiter.resolve(this.items);
    return this.items.length;
  }

  /** Ends every wait, now and later, with this error. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  waitFor(count: number, { withinMs = 10_000 } = {}): Promise<readonly Item[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.items.length >= count) return Promise.resolve(this.items);

    const { promise, resolve, reject } = Promise.withResolvers<readonly Item[]>();
    const waiter: Waiter<Item> = { count, resolve, reject };
    this.#waiters.push(waiter);
    const timer = setTimeout(() => {
      this.#waiters = this.#waiters.filter((other) => other !== waiter);
      reject(new Error(`${this.items.length} of ${count} ${this.#noun} within ${withinMs} ms`));
    }, withinMs);
    return promise.finally(() => clearTimeout(timer));
  }
}
