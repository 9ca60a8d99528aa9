// What the stream of attempts costs a backlog while many look at it, some of whom read nothing.
import { connect, type Socket } from "node:net";
import { runBacklog, WARM_UP_EVENTS } from "../backlog-run.ts";
import { atLeast, interleave, ratio, type Bench, type Scenario } from "../bench.ts";
import { API_TOKEN } from "../contenders/fluxhook.ts";
import { median } from "../measure.ts";
import { oneWebhookEach } from "../workload.ts";
import { eventsOf } from "./backlog.ts";

const READING = 30;
const STALLED = 20;
const WITH = `Fluxhook, ${READING + STALLED} viewers, ${STALLED} of them stalled`;
const CONNECTED_WITHIN_MS = 10_000;

export const viewers: Scenario = {
  name: "viewers",
  what: "the same with 50 viewers of the stream of attempts, of whom 20 read nothing",
  onlyByName: true,
  async run(bench) {
    const [contender] = await bench.contenders("fluxhook");
    if (!contender) return { rows: [], bars: [], notes: ["only Fluxhook has a stream"] };
    const run = (beside?: (urls: readonly string[]) => Promise<AsyncDisposable>) => () =>
      runBacklog(bench, {
        contender,
        events: eventsOf(bench),
        warmUpEvents: WARM_UP_EVENTS,
        workload: (base) => oneWebhookEach(base, 1),
        beside,
      });
    const rows = await interleave(bench, [
      { name: "Fluxhook", run: run() },
      { name: WITH, run: run((urls) => look(bench, urls)) },
    ]);
    const [alone, watched] = rows.map((row) => row.runs.map(({ rss_peak_mb = 0 }) => rss_peak_mb));
    const rss = median(watched ?? []) - median(alone ?? []);
    return {
      rows,
      bars: [
        ...atLeast(
          "deliveries per second, of those without viewers",
          0.9,
          ratio(rows, "per_second", WITH, "Fluxhook"),
        ),
        { what: "more RSS, MB", limit: "≤ 30", found: rss, met: rss <= 30 },
      ],
      notes: [],
    };
  },
};

async function look(
  { progress }: Pick<Bench, "progress">,
  urls: readonly string[],
): Promise<AsyncDisposable> {
  const [url = ""] = urls;
  const gone = new AbortController();
  let bytes = 0;
  const readers = Array.from({ length: READING }, async () => {
    const response = await fetch(`${url}/v1/stream`, {
      headers: { Authorization: `Bearer ${API_TOKEN}` },
      signal: gone.signal,
    });
    const reader = response.body?.getReader();
    return async () => {
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
        bytes += part.value.length;
      }
    };
  });
  const opened = await Promise.race([
    Promise.all(readers),
    Bun.sleep(CONNECTED_WITHIN_MS).then(() => {
      throw new Error("the viewers were not answered");
    }),
  ]);
  for (const read of opened) read().catch(() => {});
  const sockets = await Promise.all(Array.from({ length: STALLED }, () => stall(url)));
  return {
    async [Symbol.asyncDispose]() {
      gone.abort();
      for (const socket of sockets) socket.destroy();
      progress(`the viewers have read ${(bytes / 1e6).toFixed(1)} MB`);
      await Promise.resolve();
    },
  };
}

function stall(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  socket.on("error", reject);
  socket.on("connect", () => {
    const head = `GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${API_TOKEN}\r\n\r\n`;
    socket.write(head, () => resolve(socket));
  });
  return promise;
}
