// Reads a proxy's answer to CONNECT (RFC 9110 §9.3.6): its final status, and nothing behind it.
import type { Socket } from "node:net";
import type { Limit } from "../../deadline.ts";
import { headEnd } from "./response-head.ts";

export type ConnectAnswer =
  | { kind: "status"; status: number }
  /** The proxy hung up, or does not speak HTTP. */
  | { kind: "broken"; code: string }
  /** The limit passed before there was an answer. */
  | { kind: "none" };

/** Of all heads together, the interim ones too. */
const MAX_HEAD_BYTES = 16 * 1024;
/** The fields are not read: RFC 9110 §9.3.6 says to ignore Content-Length and Transfer-Encoding. */
const STATUS_LINE = /^HTTP\/1\.\d ([1-9]\d\d)(?: [^\r\n]*)?\r?\n/;

/** Leaves the socket open, whatever the answer is. */
export async function readConnectAnswer(socket: Socket, limit: Limit): Promise<ConnectAnswer> {
  const { promise, resolve } = Promise.withResolvers<ConnectAnswer>();
  const reader = new ConnectAnswerReader();
  const onData = (bytes: Buffer) => {
    const answer = reader.read(bytes);
    if (answer !== null) resolve(answer);
  };
  const onEnd = () => resolve({ kind: "broken", code: "ECONNRESET" });
  const onPassed = () => resolve({ kind: "none" });
  socket.on("data", onData);
  socket.on("error", onEnd);
  socket.on("end", onEnd);
  socket.on("close", onEnd);
  limit.whenPassed(onPassed);
  const answer = await promise;
  limit.forget(onPassed);
  socket.off("data", onData);
  socket.off("end", onEnd);
  socket.off("close", onEnd);
  // One that is about to be destroyed may fail once more.
  if (answer.kind === "status" && answer.status < 300) socket.off("error", onEnd);
  return answer;
}

class ConnectAnswerReader {
  #unread = Buffer.alloc(0);
  #received = 0;

  /** Null while the answer is not complete. */
  read(bytes: Buffer): ConnectAnswer | null {
    this.#received += bytes.length;
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const end = headEnd(this.#unread, 0, this.#unread.length);
      if (end === -1) {
        return this.#received > MAX_HEAD_BYTES ? { kind: "broken", code: "head-too-large" } : null;
      }
      const status = Number(STATUS_LINE.exec(this.#unread.toString("latin1", 0, end))?.[1] ?? 0);
      // 101 was not asked for, and would not be a tunnel.
      if (status === 0 || status === 101) return { kind: "broken", code: "malformed-response" };
      this.#unread = this.#unread.subarray(end);
      if (status >= 200) return this.#final(status);
      // RFC 9110 §15.2: any number of interim answers may come before the final one.
      if (this.#received > MAX_HEAD_BYTES) return { kind: "broken", code: "head-too-large" };
    }
  }

  #final(status: number): ConnectAnswer {
    // A receiver says nothing before it is asked: early bytes are the proxy's own.
    if (status < 300 && this.#unread.length > 0) {
      return { kind: "broken", code: "malformed-response" };
    }
    return { kind: "status", status };
  }
}
