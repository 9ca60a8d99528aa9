// Connects to a destination at one of the addresses that the guard approved, and remembers which one
// worked (RFC 8305). The attempt's limit covers all of it.
import type { Address } from "../guard/address.ts";
import { AddressMemory } from "./address-memory.ts";
import { responsiveNow, type Limit } from "../../deadline.ts";
import type { Dial } from "./dial.ts";
import type { Failure } from "./failure.ts";
import { race, type Connected, type RaceLimit } from "./race.ts";
import type { Target } from "../guard/target.ts";

export class Connector {
  readonly #memory = new AddressMemory();

  constructor(
    private readonly dial: Dial,
    /** Monotonic milliseconds; see `responsiveNow`. */
    private readonly now: () => number = responsiveNow,
  ) {}

  /** Returns the same addresses, starting with the one that worked last. */
  order(target: Target, addresses: readonly Address[]): readonly Address[] {
    return this.#memory.order(target, addresses);
  }

  /** Returns whether the address failed last time and there are others. */
  isDoubtful(target: Target, address: Address, addresses: readonly Address[]): boolean {
    return addresses.length > 1 && this.#memory.hasFailed(target, address);
  }

  /** Dials approved addresses only (guarantee 7). Writes how long TLS took, also of one that failed. */
  async connect(
    target: Target,
    addresses: readonly Address[],
    limit: Limit,
    times: { tlsMs: number | null } | null = null,
  ): Promise<Connected | Failure> {
    const [first, second] = addresses;
    if (first === undefined) throw new Error("connect was called without an approved address");
    if (second === undefined) {
      const startedAtMs = this.now();
      const noting = new Noting(limit, this.now);
      const socket = await this.dial(target, first, noting);
      const tlsMs = noting.acceptedAtMs === null ? null : this.now() - noting.acceptedAtMs;
      if (times !== null) times.tlsMs = tlsMs;
      if ("kind" in socket) return socket;
      return { socket, address: first, openedInMs: this.now() - startedAtMs, tlsMs };
    }
    const connected = await race({
      addresses: this.#memory.order(target, addresses),
      openAt: (address, candidate) => this.dial(target, address, candidate),
      limit,
      now: this.now,
      onFailed: (address, failure) => {
        if (failure.reason !== "proxy") this.#memory.failed(target, address);
      },
    });
    if ("kind" in connected) return connected;
    if (times !== null) times.tlsMs = connected.tlsMs;
    this.#memory.connected(target, connected.address);
    return connected;
  }

  /** Records the result of a request to this address, one of several. */
  report(target: Target, address: Address, result: "answered" | "failed"): void {
    if (result === "answered") this.#memory.answered(target, address);
    else this.#memory.failed(target, address);
  }
}

/** The limit of a single address, which notes when TCP was connected. */
class Noting implements RaceLimit {
  acceptedAtMs: number | null = null;

  constructor(
    private readonly limit: Limit,
    private readonly now: () => number,
  ) {}

  get hasPassed(): boolean {
    return this.limit.hasPassed;
  }

  accepted(): void {
    this.acceptedAtMs = this.now();
  }

  whenPassed(stop: () => void): void {
    this.limit.whenPassed(stop);
  }

  forget(stop: () => void): void {
    this.limit.forget(stop);
  }
}
