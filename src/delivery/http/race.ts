// Connects to one of several approved addresses by racing them (RFC 8305 §5): the next address starts
// after 250 ms without a connection, or at once after an error. The first connection wins.
import type { Socket } from "node:net";
import type { Address } from "../guard/address.ts";
import type { Limit } from "../../deadline.ts";
import { mayTryNextAddress, TIMED_OUT, type Failure } from "./failure.ts";

/** RFC 8305 §8: the recommended Connection Attempt Delay. */
const NEXT_ADDRESS_MS = 250;
/**
 * How long the TLS handshake may take after TCP is connected before the next address starts. A distant
 * receiver needs more than 250 ms; a receiver that hangs must not win.
 */
const HANDSHAKE_MS = 1_000;
/**
 * Bounds the sockets of one attempt: a name may have 64 addresses, and all of them may be silent. The
 * oldest is then dropped after 2 s, which is longer than the first SYN retransmission (RFC 6298 §2).
 */
const MAX_CONNECTING = 8;

/** The limit of one racing connection attempt. */
export interface RaceLimit extends Limit {
  /** Reports that TCP, or the tunnel, is connected and that a TLS handshake follows. */
  accepted?(): void;
}

/** Opens a connection to exactly this address. */
export type OpenAt = (address: Address, limit: RaceLimit) => Promise<Socket | Failure>;

export interface Connected {
  socket: Socket;
  address: Address;
  /** How long this address took to connect. */
  openedInMs: number;
  /** How much of it the TLS handshake took; null without one. */
  tlsMs: number | null;
}

export interface RaceOptions {
  /** Approved by the guard, in the order in which they are started. */
  addresses: readonly Address[];
  openAt: OpenAt;
  limit: Limit;
  /** Monotonic milliseconds. */
  now: () => number;
  /** Not called for an address whose attempt is stopped because another one won. */
  onFailed: (address: Address, failure: Failure) => void;
}

/** @throws the error of `openAt`, which is a fault of Fluxhook. */
export async function race(options: RaceOptions): Promise<Connected | Failure> {
  return new Race(options).run();
}

class Race {
  readonly #outcome = Promise.withResolvers<Connected | Failure>();
  /** In the order of their start. */
  readonly #connecting = new Set<Candidate>();
  readonly #failures: Failure[] = [];
  #started = 0;
  #timer: Timer | undefined;
  #isOver = false;
  #mayStart = true;

  constructor(private readonly options: RaceOptions) {}

  async run(): Promise<Connected | Failure> {
    const { limit } = this.options;
    // Each candidate then reports its own failure.
    const onPassed = () => this.#stop();
    limit.whenPassed(onPassed);
    this.#startNext();
    if (this.#started === 0) return TIMED_OUT;
    try {
      return await this.#outcome.promise;
    } finally {
      limit.forget(onPassed);
      this.#isOver = true;
      this.#stop();
    }
  }

  #startNext(): void {
    const { addresses, openAt, now } = this.options;
    // Guarantee 7: every racing attempt dials an element of `addresses`, which the guard approved.
    const address = this.#mayStart ? addresses[this.#started] : undefined;
    if (address === undefined) return;
    this.#started += 1;
    this.#dropOldest();
    const candidate = new Candidate(address, now, () => this.#startNextIn(HANDSHAKE_MS));
    this.#connecting.add(candidate);
    this.#startNextIn(NEXT_ADDRESS_MS);
    Promise.try(openAt, address, candidate).then(
      (result) => this.#settle(candidate, result),
      (error: unknown) => this.#outcome.reject(error),
    );
  }

  #startNextIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#startNext(), ms);
  }

  #dropOldest(): void {
    if (this.#connecting.size < MAX_CONNECTING) return;
    for (const oldest of this.#connecting) {
      this.#connecting.delete(oldest);
      oldest.stop();
      return;
    }
  }

  #settle(candidate: Candidate, result: Socket | Failure): void {
    const wasConnecting = this.#connecting.delete(candidate);
    if (!("kind" in result)) {
      if (this.#isOver) discard(result);
      else this.#win(result, candidate);
      return;
    }
    if (this.#isOver) return;
    this.#failures.push(result);
    this.options.onFailed(candidate.address, result);
    if (!mayTryNextAddress(result)) this.#mayStart = false;
    if (wasConnecting) this.#startNext();
    if (this.#connecting.size === 0 && !this.#hasMore) {
      this.#isOver = true;
      this.#outcome.resolve(mostInformative(this.#failures));
    }
  }

  get #hasMore(): boolean {
    return this.#mayStart && this.#started < this.options.addresses.length;
  }

  #win(socket: Socket, { address, startedAtMs, acceptedAtMs }: Candidate): void {
    this.#isOver = true;
    const nowMs = this.options.now();
    const tlsMs = acceptedAtMs === null ? null : nowMs - acceptedAtMs;
    this.#outcome.resolve({ socket, address, openedInMs: nowMs - startedAtMs, tlsMs });
  }

  #stop(): void {
    this.#mayStart = false;
    clearTimeout(this.#timer);
    for (const candidate of this.#connecting) candidate.stop();
  }
}

/** One racing address. Its limit passes when the race is over or the address is dropped. */
class Candidate implements RaceLimit {
  readonly startedAtMs: number;
  acceptedAtMs: number | null = null;
  #hasPassed = false;
  readonly #stops = new Set<() => void>();

  constructor(
    readonly address: Address,
    private readonly now: () => number,
    private readonly onAccepted: () => void,
  ) {
    this.startedAtMs = now();
  }

  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  accepted(): void {
    if (this.#hasPassed) return;
    this.acceptedAtMs = this.now();
    this.onAccepted();
  }

  whenPassed(stop: () => void): void {
    if (this.#hasPassed) stop();
    else this.#stops.add(stop);
  }

  forget(stop: () => void): void {
    this.#stops.delete(stop);
  }

  stop(): void {
    this.#hasPassed = true;
    for (const stop of this.#stops) stop();
  }
}

/** Closes a second connection, for two may connect in the same turn of the event loop. */
function discard(socket: Socket): void {
  socket.on("error", () => {});
  socket.destroy();
}

/**
 * Returns the failure to report if no address won. A failure of TLS comes first: a receiver was reached,
 * and its owner has to act. Then a time-out, then failures that the operator has to fix, then the rest.
 */
function mostInformative(failures: readonly Failure[]): Failure {
  const reported =
    failures.find(({ reason }) => reason.startsWith("tls")) ??
    failures.find(({ reason }) => reason === "timeout") ??
    failures.find(({ isOurs }) => isOurs) ??
    failures.at(-1);
  if (reported === undefined) throw new Error("a race was started without an approved address");
  return reported;
}
