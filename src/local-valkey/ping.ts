// Sends one PING over a plain TCP connection, to find out whether a Valkey is ready at a port, and which.
import { connect } from "node:net";

export type PingResult =
  /** `pid` is null if the server requires a password. */
  { status: "ready"; pid: number | null } | { status: "not-ready" };

const ANSWER_WITHIN_MS = 1_000;

/** A server that is loading its data answers -LOADING and counts as not ready. */
export function pingValkey(port: number): Promise<PingResult> {
  const { promise, resolve } = Promise.withResolvers<PingResult>();
  const socket = connect({ host: "127.0.0.1", port }, () => {
    socket.write("PING\r\nINFO server\r\nQUIT\r\n");
  });
  let answer = "";
  socket.setEncoding("latin1");
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy());
  socket.on("data", (chunk: string) => (answer += chunk));
  // After an error, such as a refused connection, "close" follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    const pid = /^process_id:(\d+)/m.exec(answer)?.[1];
    const isReady = answer.startsWith("+PONG") || answer.startsWith("-NOAUTH");
    resolve(isReady ? { status: "ready", pid: pid ? Number(pid) : null } : { status: "not-ready" });
  });
  return promise;
}
