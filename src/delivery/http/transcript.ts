// What one attempt sent and got, as far as its owner is shown it later (docs/attempts.md). Most attempts of a
// busy owner are never described, so this holds references and times; `worker/after/describe-attempt.ts`
// makes text of them.
import type { PeerCertificate } from "./peer-certificate.ts";

/** A piece is copied out of a larger chunk of the socket, which would otherwise stay in memory with it. */
const MAX_CHUNK_BYTES = 4 * 1024;

export class Transcript {
  /** In Latin-1, with the empty line at its end; "" if no request was written. */
  requestHead = "";
  /** The same of the final response. */
  responseHead = "";
  /** Bytes of the response's body that arrived; without those of its chunked coding. */
  bodyBytes = 0;
  /** What is kept of the chunks in which they came. */
  private first: Uint8Array | null = null;
  private firstFrom = 0;
  private firstTo = 0;
  private others: Uint8Array[] | null = null;
  private keptBytes = 0;
  /** How long the attempt waited for a slot in this process, before it began. */
  waitedMs = 0;
  /** How long the name's look-up took; 0 if the answer was cached or the host is an address. */
  resolveMs = 0;
  /** How long it took to connect, without TLS; null if a connection was used again, or none was opened. */
  connectMs: number | null = null;
  /** How long the TLS handshake took; null without one. */
  tlsMs: number | null = null;
  /** Of a receiver whose certificate was not accepted. */
  certificate: PeerCertificate | null = null;
  /** Resolves when nothing more is added; null if nothing is. Never rejects. */
  whenComplete: Promise<unknown> | null = null;

  constructor(readonly maxBodyBytes: number) {}

  get hasWholeExcerpt(): boolean {
    return this.keptBytes >= this.maxBodyBytes;
  }

  /** The first bytes of the body, at most `maxBodyBytes`. */
  excerpt(): Uint8Array {
    if (this.first === null) return new Uint8Array(0);
    const first = this.first.subarray(this.firstFrom, this.firstTo);
    return this.others === null ? first : Buffer.concat([first, ...this.others]);
  }

  /** Begins again: the request is sent once more on another connection. */
  beginRequest(head: string): void {
    this.requestHead = head;
    this.responseHead = "";
    this.bodyBytes = this.keptBytes = 0;
    this.first = this.others = null;
  }

  addBody(bytes: Uint8Array, from: number, to: number): void {
    this.bodyBytes += to - from;
    const kept = Math.min(to - from, this.maxBodyBytes - this.keptBytes);
    if (kept <= 0) return;
    this.keptBytes += kept;
    // The socket gives each chunk a buffer of its own. A view of it would cost more than the rest of the transcript.
    if (this.first === null && bytes.byteLength <= MAX_CHUNK_BYTES) {
      this.first = bytes;
      this.firstFrom = from;
      this.firstTo = from + kept;
      return;
    }
    const piece = Uint8Array.prototype.slice.call(bytes, from, from + kept);
    if (this.first === null) {
      this.first = piece;
      this.firstFrom = 0;
      this.firstTo = kept;
    } else {
      (this.others ??= []).push(piece);
    }
  }
}
