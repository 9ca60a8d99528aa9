// Posts one request again and again over kept connections: raw sockets, so that the load costs little itself.

export interface Load {
  perSecond: number;
  /** Of each request, in ms, sorted. */
  latencies: readonly number[];
  /** Answers that did not begin with the expected status. */
  refused: number;
}

interface Pending {
  sentAt: number;
}

const END_OF_HEAD = "\r\n\r\n";

export async function load(
  url: string,
  request: string,
  { connections, seconds, status }: { connections: number; seconds: number; status: string },
): Promise<Load> {
  const { hostname, port } = new URL(url);
  const latencies: number[] = [];
  let refused = 0;
  const begin = performance.now();
  const until = begin + seconds * 1_000;
  const one = async (): Promise<void> => {
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const state: Pending = { sentAt: 0 };
    let text = "";
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data(open, chunk) {
          text += chunk.toString("latin1");
          if (!isWhole(text)) return;
          const now = performance.now();
          latencies.push(now - state.sentAt);
          if (!text.startsWith(`HTTP/1.1 ${status}`)) refused += 1;
          text = "";
          if (now >= until) {
            open.end();
            return resolve();
          }
          state.sentAt = now;
          open.write(request);
        },
        close: () => resolve(),
        error: () => resolve(),
      },
    });
    state.sentAt = performance.now();
    socket.write(request);
    await done;
  };
  await Promise.all(Array.from({ length: connections }, one));
  const elapsedS = (performance.now() - begin) / 1_000;
  return {
    perSecond: latencies.length / elapsedS,
    latencies: latencies.toSorted((a, b) => a - b),
    refused,
  };
}

function isWhole(text: string): boolean {
  const end = text.indexOf(END_OF_HEAD);
  if (end === -1) return false;
  const [, length = "0"] = /content-length: (\d+)/i.exec(text.slice(0, end)) ?? [];
  return text.length >= end + END_OF_HEAD.length + Number(length);
}
