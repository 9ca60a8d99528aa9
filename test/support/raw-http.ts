// An HTTP/1.1 client that sends exactly the bytes it is given: for requests that fetch refuses to
// make. It keeps its connection while the server does.
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  status: number;
  /** Status line and header fields, as they came. */
  head: string;
  body: string;
}

/** `closed`: the server ended the connection without an answer. `silent`: it did neither in time. */
export type RawOutcome = RawAnswer | "closed" | "silent";

const HEAD_END = "\r\n\r\n";

export class RawClient {
  readonly #hostname: string;
  readonly #port: number;
  readonly #localAddress: string | undefined;
  #socket: Socket | null = null;

  /** `localAddress`: of 127.0.0.0/8, to be another client. */
  constructor(url: string, localAddress?: string) {
    const { hostname, port } = new URL(url);
    this.#hostname = hostname;
    this.#port = Number(port);
    this.#localAddress = localAddress;
  }

  /** Sends the pieces, each in a packet of its own where the system lets it be. */
  async send(
    pieces: string | Uint8Array | readonly (string | Uint8Array)[],
    { isHead = false, withinMs = 20_000 } = {},
  ): Promise<RawOutcome> {
    const socket = (this.#socket ??= this.#connect());
    const { promise, resolve } = Promise.withResolvers<RawOutcome>();
    let received = "";
    const onData = (chunk: Buffer) => {
      received += chunk.toString("latin1");
      const answer = readAnswer(received, isHead, false);
      if (answer) resolve(answer);
    };
    // What came before the end is an answer too: one without a length ends with the connection.
    const onClose = () => resolve(readAnswer(received, isHead, true) ?? "closed");
    const limit = setTimeout(() => resolve("silent"), withinMs);
    socket.on("data", onData).on("close", onClose);
    const list = typeof pieces === "string" || pieces instanceof Uint8Array ? [pieces] : pieces;
    for (const piece of list) socket.write(piece);
    const outcome = await promise;
    clearTimeout(limit);
    socket.off("data", onData).off("close", onClose);
    const goesOn =
      typeof outcome !== "string" &&
      !/^connection: *close/im.test(outcome.head) &&
      /^content-length:/im.test(outcome.head);
    if (!goesOn) this.close();
    return outcome;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #connect(): Socket {
    const socket = connect({
      host: this.#hostname,
      port: this.#port,
      localAddress: this.#localAddress,
      noDelay: true,
    });
    // "close" follows and says what there is to say.
    socket.on("error", () => {});
    socket.on("close", () => {
      if (this.#socket === socket) this.#socket = null;
    });
    return socket;
  }
}

/** One request on a connection of its own. */
export async function sendRaw(
  url: string,
  pieces: Parameters<RawClient["send"]>[0],
  options: { withinMs?: number; localAddress?: string } = {},
): Promise<RawOutcome> {
  const client = new RawClient(url, options.localAddress);
  const outcome = await client.send(pieces, options);
  client.close();
  return outcome;
}

/** Null while it is not complete (RFC 9112 §6.3). */
function readAnswer(received: string, isHead: boolean, isClosed: boolean): RawAnswer | null {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd === -1) return null;
  const head = received.slice(0, headEnd);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
  const bodyStart = headEnd + HEAD_END.length;
  if (status < 200) return readAnswer(received.slice(bodyStart), isHead, isClosed);
  const body = received.slice(bodyStart);
  if (isHead || status === 204 || status === 304) return { status, head, body: "" };
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  // A stream goes on; that it began is the answer.
  const isWhole =
    length === undefined
      ? isClosed || /^transfer-encoding:/im.test(head)
      : body.length >= Number(length);
  return isWhole || isClosed ? { status, head, body } : null;
}
