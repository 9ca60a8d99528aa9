// Reads a proxy's answer to CONNECT (RFC 9110 §9.3.6): its final status, and no byte after it.
import type { Socket } from "node:net";
import type { Limit } from "../../deadline.ts";
import { HeadReader, MAX_HEAD_BYTES } from "./head-reader.ts";

export type ConnectAnswer =
  | { kind: "status"; status: number }
  /** The proxy ended the connection, or does not speak HTTP. */
  | { kind: "broken"; code: string }
  /** The limit passed before there was an answer. */
  | { kind: "none" };

/** Fields are not parsed: RFC 9110 §9.3.6 says to ignore Content-Length and Transfer-Encoding. */
const STATUS_LINE = /^HTTP\/1\.\d ([1-9]\d\d)(?: [^\r\n]*)?\r?\n/;

/** Waits for the answer until the limit passes. Leaves the socket open in every case. */
export async function readConnectAnswer(socket: Socket, limit: Limit): Promise<ConnectAnswer> {
  const { promise, resolve } = Promise.withResolvers<ConnectAnswer>();
  const reader = new ConnectAnswerReader();
  const onData = (bytes: Buffer) => {
    const answer = reader.read(bytes);
    if (answer !== null) resolve(answer);
  };
  const onEnd = () => resolve(broken("ECONNRESET"));
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
  // A socket that the caller is about to destroy may raise another error.
  if (answer.kind === "status" && answer.status < 300) socket.off("error", onEnd);
  return answer;
}

class ConnectAnswerReader {
  readonly #heads = new HeadReader();
  #received = 0;

  /** Returns null while the answer is incomplete. */
  read(bytes: Buffer): ConnectAnswer | null {
    this.#received += bytes.length;
    // RFC 9110 §15.2: any number of interim answers may come before the final one.
    for (let at = 0; at < bytes.length; at = this.#heads.end) {
      const text = this.#heads.read(bytes, at);
      if (text === null) {
        if (this.#heads.problem !== null) return broken(this.#heads.problem);
        break;
      }
      const status = Number(STATUS_LINE.exec(text)?.[1] ?? 0);
      // 101 was not requested and would not be a tunnel.
      if (status === 0 || status === 101) return broken("malformed-response");
      if (status >= 200) return this.#final(status, this.#heads.end < bytes.length);
    }
    // Bounds all heads together: the interim ones could go on until the limit passes.
    return this.#received > MAX_HEAD_BYTES ? broken("head-too-large") : null;
  }

  #final(status: number, hasMore: boolean): ConnectAnswer {
    // A receiver sends nothing before it gets a request, so early bytes are the proxy's own.
    return status < 300 && hasMore ? broken("malformed-response") : { kind: "status", status };
  }
}

function broken(code: string): ConnectAnswer {
  return { kind: "broken", code };
}
