// Receivers that mean harm, each kind by its name: what they do to a sender that reads too much, waits
// too long, believes too much or does not let go.
import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
import { startTcpReceiver, type Behave, type TcpConnection } from "./tcp-receiver.ts";

export interface HostileReceiver {
  url: string;
  connections: readonly TcpConnection[];
  stop(): Promise<void>;
}

export interface Pace {
  /** Between the pieces of what never ends; 0 for as fast as it is taken. */
  floodPauseMs: number;
  /** Between single bytes. */
  dripMs: number;
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = "Transfer-Encoding: chunked\r\n\r\n";
/** Where a cloud keeps its machines' credentials. */
const METADATA = "http://169.254.169.254/latest/meta-data/";
/** Just below what is taken of a head. */
const HUGE_HEAD_BYTES = 65_000;

type Play = (connection: TcpConnection, pace: Pace) => void | Promise<void>;

/** Longer than any run: who waits for a request is ended by the sender or by `stop`. */
const PATIENCE = { withinMs: 3_600_000 };

/** Speaks when a request is in, and again with the next one on the connection. */
const answering =
  (play: Play): Play =>
  async (connection, pace) => {
    for (;;) {
      const request = await Promise.race([connection.request(PATIENCE), connection.closed]);
      if (request === undefined) return;
      await play(connection, pace);
    }
  };

const saying = (...pieces: (string | Uint8Array)[]): Play =>
  answering(async (connection) => {
    for (const piece of pieces) await connection.write(piece);
  });

const flooding = (start: string, chunk: (n: number) => string): Play =>
  answering(async (connection, { floodPauseMs }) => {
    await connection.write(start);
    await flood(connection, chunk, floodPauseMs);
  });

const dripping = (start: string, byte: string): Play =>
  answering(async (connection, { dripMs }) => {
    await connection.write(start);
    await flood(connection, () => byte, dripMs);
  });

const KIB = "x".repeat(1_024);

const OVER_HTTP = {
  silent: () => {},
  "slow-head": dripping(`${OK}X-A: `, "x"),
  "stops-in-head": saying(`${OK}X-A: b\r\n`),
  "endless-1xx": flooding("", () => "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100)),
  "endless-fat-1xx": flooding("", () => `HTTP/1.1 103 Early Hints\r\nX-A: ${KIB}\r\n\r\n`),
  "endless-headers": flooding(OK, (n) => `X-${n}: ${KIB.repeat(16)}\r\n`),
  "endless-header": flooding(`${OK}X-A: `, () => KIB.repeat(64)),
  "endless-reason": flooding("HTTP/1.1 200 ", () => KIB.repeat(64)),
  "many-headers": saying(OK, "X-A: b\r\n".repeat(100_000), "\r\n"),
  "huge-head": saying(OK, `X-A: ${"x".repeat(HUGE_HEAD_BYTES)}\r\nContent-Length: 0\r\n\r\n`),
  "huge-head-that-stops": saying(OK, `X-A: ${"x".repeat(HUGE_HEAD_BYTES)}`),
  // What takes the spaces off by trying has never done.
  "spaces-in-head": saying(OK, `X-A:${" ".repeat(HUGE_HEAD_BYTES)}\0\r\n\r\n`),
  "slow-body": dripping(`${OK}Content-Length: 1000000\r\n\r\n`, "x"),
  "short-slow-body": dripping(`${OK}Content-Length: 10000\r\n\r\n`, "x"),
  "body-never-comes": saying(`${OK}Content-Length: 9999999999\r\n\r\n`),
  "endless-body": flooding(`${OK}\r\n`, () => KIB.repeat(64)),
  "endless-chunks": flooding(OK + CHUNKED, () => `400\r\n${KIB}\r\n`.repeat(16)),
  "endless-chunk-size": flooding(OK + CHUNKED, () => "0".repeat(1_024)),
  "endless-chunk-extension": flooding(`${OK}${CHUNKED}1;`, () => KIB.repeat(16)),
  "endless-trailers": flooding(`${OK}${CHUNKED}0\r\n`, (n) => `X-${n}: ${KIB}\r\n`),
  "gzip-bomb": answering(async (connection) => connection.write(await bomb("gzip"))),
  "brotli-bomb": answering(async (connection) => connection.write(await bomb("br"))),
  "closes-at-once": (connection: TcpConnection) => connection.close(),
  "resets-at-once": (connection: TcpConnection) => connection.reset(),
  "resets-after-request": answering((connection) => connection.reset()),
  "resets-in-head": answering(async (connection) => {
    await connection.write(`${OK}X-A: b\r\n`);
    connection.reset();
  }),
  "resets-in-body": answering(async (connection) => {
    await connection.write(`${OK}Content-Length: 10\r\n\r\nabc`);
    connection.reset();
  }),
  // The next request on the connection falls into nothing, as after a cable is cut.
  "half-open": async (connection: TcpConnection) => {
    await connection.request(PATIENCE);
    await connection.write("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
  },
  "answers-twice": saying(
    "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
  ),
  "not-http": saying("SSH-2.0-OpenSSH_9.9\r\n\r\n"),
  "redirects-inside": saying(
    `HTTP/1.1 307 T\r\nLocation: ${METADATA}\r\nContent-Length: 0\r\n\r\n`,
  ),
  "redirects-to-a-file": saying(
    "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
  ),
  "redirects-to-itself": saying("HTTP/1.1 308 P\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
} satisfies Record<string, Play>;

const OVER_TLS = {
  "tls-silent": () => {},
  "tls-plain-text": (connection: TcpConnection) => connection.write(`${OK}\r\n`),
  // The first bytes of a ServerHello, and no more.
  "tls-stops": (connection: TcpConnection) =>
    connection.write(new Uint8Array([0x16, 3, 3, 0, 80, 2, 0])),
  "tls-closes": (connection: TcpConnection) => connection.close(),
} satisfies Record<string, Play>;

export type HostileKind = keyof typeof OVER_HTTP | keyof typeof OVER_TLS;

const PLAYS: Readonly<Record<HostileKind, Play>> = { ...OVER_HTTP, ...OVER_TLS };

export const HOSTILE_KINDS = Object.keys(PLAYS) as HostileKind[];

export async function startHostileReceiver(
  kind: HostileKind,
  pace: Pace = { floodPauseMs: 0, dripMs: 20 },
): Promise<HostileReceiver> {
  const play = PLAYS[kind];
  const behave: Behave = (connection) => play(connection, pace);
  const receiver = await startTcpReceiver(behave);
  const url = kind in OVER_TLS ? receiver.url.replace("http:", "https:") : receiver.url;
  return { url, connections: receiver.connections, stop: () => receiver.stop() };
}

/**
 * Writes `chunk(n)` for as long as the sender takes it, and lets timers run in between: a sender
 * that reads as fast as it is written to would starve them otherwise.
 */
export async function flood(
  connection: TcpConnection,
  chunk: (n: number) => string | Uint8Array,
  pauseMs = 0,
): Promise<void> {
  for (let n = 0; !connection.isClosed; n++) {
    await connection.write(chunk(n));
    await (pauseMs > 0 ? Bun.sleep(pauseMs) : new Promise(setImmediate));
  }
}

const BOMB_MIB = 300;
const bombs = new Map<string, Promise<Buffer>>();

/** A whole answer of some hundred KiB at most that unpacks to 300 MiB. */
function bomb(coding: "gzip" | "br"): Promise<Buffer> {
  let made = bombs.get(coding);
  if (!made) bombs.set(coding, (made = makeBomb(coding)));
  return made;
}

async function makeBomb(coding: "gzip" | "br"): Promise<Buffer> {
  const zeros = new Uint8Array(1 << 20);
  const packed: Buffer[] = [];
  // Piece by piece: this process never holds them unpacked.
  await pipeline(
    Readable.from(Array.from({ length: BOMB_MIB }, () => zeros)),
    coding === "gzip"
      ? createGzip()
      : createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 2 } }),
    new Writable({
      write(chunk: Buffer, _, done) {
        packed.push(chunk);
        done();
      },
    }),
  );
  const body = Buffer.concat(packed);
  const head = `${OK}Content-Encoding: ${coding}\r\nContent-Length: ${body.byteLength}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
