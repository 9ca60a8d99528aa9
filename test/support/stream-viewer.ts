// A viewer of `GET /v1/stream`, and one that reads nothing.
import { connect } from "node:net";
import { eventually } from "./eventually.ts";

export interface StreamedEvent {
  event: string;
  id: string | null;
  data: Record<string, unknown>;
}

export interface StreamViewer extends Disposable {
  status: number;
  headers: Headers;
  /** All so far. */
  events: StreamedEvent[];
  /** The data of the events with this name. */
  of(event: string): Record<string, unknown>[];
  /** Resolves when there are so many events of this name. */
  waitFor(event: string, count?: number, withinMs?: number): Promise<Record<string, unknown>[]>;
  hasEnded: boolean;
  close(): void;
}

/** Opens a stream with `fetch`, or with what stands for it. */
export async function watchStream(
  ask: (signal: AbortSignal) => Response | Promise<Response>,
): Promise<StreamViewer> {
  const gone = new AbortController();
  const response = await ask(gone.signal);
  const viewer: StreamViewer = {
    status: response.status,
    headers: response.headers,
    events: [],
    of: (event) => viewer.events.filter((one) => one.event === event).map(({ data }) => data),
    async waitFor(event, count = 1, withinMs = 10_000) {
      await eventually(() => viewer.of(event).length >= count, { withinMs });
      return viewer.of(event);
    },
    hasEnded: false,
    close: () => gone.abort(),
    [Symbol.dispose]: () => gone.abort(),
  };
  void read(response, viewer, gone.signal)
    .catch(() => {})
    .finally(() => (viewer.hasEnded = true));
  return viewer;
}

export function watchService(
  url: string,
  token: string,
  query = "",
  headers: Record<string, string> = {},
): Promise<StreamViewer> {
  return watchStream((signal) =>
    fetch(`${url}/v1/stream${query}`, {
      headers: { Authorization: `Bearer ${token}`, ...headers },
      signal,
    }),
  );
}

async function read(response: Response, viewer: StreamViewer, signal: AbortSignal): Promise<void> {
  const reader = response.body?.getReader();
  signal.addEventListener("abort", () => void reader?.cancel().catch(() => {}));
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (done) return;
    const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(
        block.split("\n").map((line): [string, string] => {
          const colon = line.indexOf(": ");
          return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 2)];
        }),
      );
      const data = fields.get("data");
      if (data === undefined) continue;
      viewer.events.push({
        event: fields.get("event") ?? "message",
        id: fields.get("id") ?? null,
        data: JSON.parse(data) as Record<string, unknown>,
      });
    }
  }
}

export interface StalledViewer extends Disposable {
  /** As a process that was killed: without a word. */
  kill(): void;
}

/** Asks for the stream and reads no byte of it. Resolves when the request is sent. */
export function stallStream(url: string, token: string, query = ""): Promise<StalledViewer> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<StalledViewer>();
  const socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  socket.on("error", reject);
  socket.on("connect", () => {
    socket.write(
      `GET /v1/stream${query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      () =>
        resolve({
          kill: () => socket.resetAndDestroy(),
          [Symbol.dispose]: () => socket.destroy(),
        }),
    );
  });
  return promise;
}
