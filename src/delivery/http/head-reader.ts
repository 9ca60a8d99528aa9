// Collects the bytes of one head after the other until each is complete. What it holds is bounded.
import { CR, LF, type ResponseProblem } from "./response-head.ts";

/** A longer head is refused; nothing past this is ever held. */
export const MAX_HEAD_BYTES = 64 * 1024;

const PROTOCOL = "HTTP/";

export class HeadReader {
  /** Set if what arrived cannot be a head, or is too long for one. */
  problem: ResponseProblem | null = null;
  /** Where the head that was found last ends in the bytes that were given. */
  end = 0;
  #held: Buffer | null = null;
  #heldBytes = 0;

  /** Begins again, for the heads of the next response. */
  begin(): void {
    this.problem = this.#held = null;
    this.#heldBytes = 0;
  }

  /**
   * Returns the next head in Latin-1, including its empty line, from `bytes` and those given before. Null
   * if it is not complete yet, or if there is a `problem`.
   */
  read(bytes: Buffer, from: number): string | null {
    const before = this.#heldBytes;
    if (this.#held === null) {
      const end = headEnd(bytes, from, bytes.length);
      if (end === -1 || end - from > MAX_HEAD_BYTES) {
        this.#hold(bytes, from);
        return null;
      }
      this.end = end;
      return bytes.toString("latin1", from, end);
    }
    const held = this.#hold(bytes, from);
    const end = headEnd(held, Math.max(0, before - 2), this.#heldBytes);
    if (end === -1) return null;
    this.begin();
    this.end = from + end - before;
    return held.toString("latin1", 0, end);
  }

  /** Adds the bytes to those held, up to the maximum, and checks them. */
  #hold(bytes: Buffer, from: number): Buffer {
    const length = this.#heldBytes + bytes.length - from;
    if (length > MAX_HEAD_BYTES) this.problem = "head-too-large";
    const kept = Math.min(length, MAX_HEAD_BYTES);
    let held = this.#held;
    if (held === null || held.length < kept) {
      // Doubles the size: otherwise a head that arrives byte by byte would be copied for each byte.
      const grown = Buffer.allocUnsafeSlow(Math.min(MAX_HEAD_BYTES, Math.max(1_024, 2 * kept)));
      held?.copy(grown, 0, 0, this.#heldBytes);
      held = this.#held = grown;
    }
    bytes.copy(held, this.#heldBytes, from, from + kept - this.#heldBytes);
    this.#heldBytes = kept;
    // A server of another protocol may never send an empty line.
    const beginning = held.toString("latin1", 0, Math.min(kept, PROTOCOL.length));
    if (!PROTOCOL.startsWith(beginning)) this.problem = "malformed-response";
    return held;
  }
}

/** Returns where the empty line after a head ends, or -1. RFC 9112 §2.2 allows LF without CR. */
export function headEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = bytes.indexOf(LF, from); at !== -1 && at < to; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF && at + 1 < to) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF && at + 2 < to) return at + 3;
  }
  return -1;
}
