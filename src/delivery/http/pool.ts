// ConnectionPool that are free, kept for the next request to the same place. Bounded in number and in
// time: what nobody uses costs the receiver as much as us.
import type { Connection } from "./connection.ts";

/** As many as may be in flight unless set otherwise: those that were busy a moment ago are soon again. */
const MAX_FREE = 1_024;
/** Below what load balancers and firewalls drop without a word (from 60 s upwards). */
const IDLE_MS = 50_000;
const LOOK_EVERY_MS = 5_000;

export class ConnectionPool {
  readonly #free = new Map<string, Connection[]>();
  #count = 0;
  #timer: Timer | null = null;

  /** The one that was used last: the others may time out. */
  take(key: string): Connection | null {
    const free = this.#free.get(key);
    for (let connection = free?.pop(); connection; connection = free?.pop()) {
      this.#count -= 1;
      if (free?.length === 0) this.#free.delete(key);
      if (connection.isOpen) return connection;
    }
    return null;
  }

  keep(connection: Connection): void {
    const free = this.#free.get(connection.key) ?? [];
    connection.freeSinceMs = performance.now();
    free.push(connection);
    this.#free.set(connection.key, free);
    this.#count += 1;
    if (this.#count > MAX_FREE) this.#dropOldest();
    this.#timer ??= setInterval(() => this.#dropIdle(), LOOK_EVERY_MS).unref();
  }

  /** It has ended by itself; it may have been in use. */
  forget(connection: Connection): void {
    const free = this.#free.get(connection.key);
    const at = free?.indexOf(connection) ?? -1;
    if (free === undefined || at === -1) return;
    free.splice(at, 1);
    this.#count -= 1;
    if (free.length === 0) this.#free.delete(connection.key);
  }

  /** Of the place that has waited longest for its first one: a Map keeps the order of their coming. */
  #dropOldest(): void {
    for (const [oldest] of this.#free.values()) {
      if (oldest) this.#drop(oldest);
      return;
    }
  }

  #dropIdle(): void {
    const before = performance.now() - IDLE_MS;
    const connections = [...this.#free.values()].flat();
    for (const connection of connections) {
      if (connection.freeSinceMs < before) this.#drop(connection);
    }
    if (this.#count > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #drop(connection: Connection): void {
    this.forget(connection);
    connection.destroy();
  }
}
