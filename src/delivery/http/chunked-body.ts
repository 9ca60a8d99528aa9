// Finds the end of a chunked body (RFC 9112 §7.1). Its content goes to the transcript and to who keeps it, if
// there is one. Only a line between two chunks is held, and the response reader bounds that.
import { isField, LF } from "./response-head.ts";
import type { Transcript } from "./transcript.ts";

const CHUNK_SIZE = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i;

export class ChunkedBody {
  hasEnded = false;
  isBroken = false;
  /** A trailer line is not a field, so another parser may see another end. */
  hasOddTrailer = false;
  /** Bytes left of the current chunk. */
  #left = 0;
  #line = "";
  #expects: "size" | "end-of-chunk" | "trailer" = "size";

  constructor(
    private readonly transcript: Transcript | null = null,
    private readonly keep: ((content: Buffer) => void) | null = null,
  ) {}

  /** Returns where it stopped: after the body if `hasEnded`. */
  read(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        this.transcript?.addBody(bytes, at, at + taken);
        this.keep?.(bytes.subarray(at, at + taken));
        this.#left -= taken;
        at += taken;
        continue;
      }
      const lf = bytes.indexOf(LF, at);
      this.#line += bytes.toString("latin1", at, lf === -1 ? bytes.length : lf);
      if (lf === -1) return bytes.length;
      at = lf + 1;
      const line = this.#line.endsWith("\r") ? this.#line.slice(0, -1) : this.#line;
      this.#line = "";
      this.#readLine(line);
      if (this.hasEnded || this.isBroken) return at;
    }
    return at;
  }

  #readLine(line: string): void {
    if (this.#expects === "trailer") {
      this.hasEnded = line === "";
      this.hasOddTrailer ||= !this.hasEnded && !isField(line);
    } else if (this.#expects === "end-of-chunk") {
      this.isBroken = line !== "";
      this.#expects = "size";
    } else {
      const size = CHUNK_SIZE.exec(line)?.[1];
      this.isBroken = size === undefined;
      this.#left = Number.parseInt(size ?? "0", 16);
      this.#expects = this.#left === 0 ? "trailer" : "end-of-chunk";
    }
  }
}
