// Keeps free connections for the next request to the same destination. Bounded in number and in time,
// because an idle connection costs the receiver as much as us.
import type { Connection } from "./connection.ts";

/** The default of FLUXHOOK_CONCURRENCY: connections that were just busy will soon be needed again. */
const MAX_FREE = 1_024;
/** Shorter than the time after which load balancers and firewalls drop connections silently (60 s). */
const IDLE_MS = 50_000;
const SWEEP_INTERVAL_MS = 5_000;

export class ConnectionPool {
  readonly #free = new Map<string, Connection[]>();
  #count = 0;
  #timer: Timer | null = null;

  /** Returns the connection that was used last, or null. The others may time out. */
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
    this.#timer ??= setInterval(() => this.#dropIdle(), SWEEP_INTERVAL_MS).unref();
  }

  /** Removes a connection that has ended. It may have been in use. */
  forget(connection: Connection): void {
    const free = this.#free.get(connection.key);
    const at = free?.indexOf(connection) ?? -1;
    if (free === undefined || at === -1) return;
    free.splice(at, 1);
    this.#count -= 1;
    if (free.length === 0) this.#free.delete(connection.key);
  }

  /** Closes a connection of the destination that was added to the pool first (Map iteration order). */
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
