// One PING over a bare TCP connection: is there a Valkey at this port that serves, and which?
import { connect } from "node:net";

export type PingResult =
  /** `pid` is null where it wants a password first. */
  { status: "ready"; pid: number | null } | { status: "not-ready" };

const ANSWER_WITHIN_MS = 1_000;

/** Loading its data counts as not ready: it answers then, but with -LOADING. */
export function pingValkey(port: number): Promise<PingResult> {
  const { promise, resolve } = Promise.withResolvers<PingResult>();
  const socket = connect({ host: "127.0.0.1", port }, () => {
    socket.write("PING\r\nINFO server\r\nQUIT\r\n");
  });
  let answer = "";
  socket.setEncoding("latin1");
  socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy());
  socket.on("data", (chunk: string) => (answer += chunk));
  // A refused connection is an answer too: "close" follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    const pid = /^process_id:(\d+)/m.exec(answer)?.[1];
    const isReady = answer.startsWith("+PONG") || answer.startsWith("-NOAUTH");
    resolve(isReady ? { status: "ready", pid: pid ? Number(pid) : null } : { status: "not-ready" });
  });
  return promise;
}
