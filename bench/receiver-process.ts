// A receiver in a process of its own, as cheap as Bun.serve allows, so that it bounds nobody.
// `bun bench/receiver-process.ts <mode> [<cert> <key>]`; told by lines what to count and to keep.
import { eachMessage, say } from "./child.ts";
import { quantile, wallMs } from "./measure.ts";

const [mode, cert, key] = process.argv.slice(2);
const SHARE_OF_ERRORS = 0.2;
const STAMP = '"pushed_at_ms":';

let requests = 0;
let marks: number[] = [];
let nextMark = Number.POSITIVE_INFINITY;
let fromMs = Number.POSITIVE_INFINITY;
let latenciesMs: number[] = [];

const handlers: Record<string, (request: Request) => Response | Promise<Response>> = {
  count: () => {
    arrived();
    return new Response(null, { status: 204 });
  },
  latency: async (request) => {
    const atMs = wallMs();
    const text = await request.text();
    const pushedAtMs = Number.parseFloat(text.slice(text.indexOf(STAMP) + STAMP.length));
    if (pushedAtMs >= fromMs) {
      latenciesMs.push(atMs - pushedAtMs);
      arrived();
    }
    return new Response(null, { status: 204 });
  },
  noise: (request) =>
    new URL(request.url).pathname.startsWith("/hang")
      ? new Promise<Response>(() => {})
      : new Response(null, { status: 500 }),
  flaky: () => {
    requests += 1;
    return new Response(null, { status: Math.random() < SHARE_OF_ERRORS ? 500 : 204 });
  },
};

function arrived(): void {
  requests += 1;
  if (requests < nextMark) return;
  say({ mark: requests, at_ms: wallMs() });
  nextMark = marks.shift() ?? Number.POSITIVE_INFINITY;
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  development: false,
  tls: cert && key ? { cert: Bun.file(cert), key: Bun.file(key) } : undefined,
  fetch: handlers[mode ?? ""] ?? (() => new Response(null, { status: 404 })),
});
say({ port: server.port });

await eachMessage((message) => {
  if (Array.isArray(message.expect)) {
    requests = 0;
    marks = message.expect as number[];
    nextMark = marks.shift() ?? Number.POSITIVE_INFINITY;
    latenciesMs = [];
    fromMs = Number(message.from_ms);
  } else {
    const sorted = latenciesMs.toSorted((a, b) => a - b);
    say({
      requests,
      p50_ms: quantile(sorted, 0.5),
      p99_ms: quantile(sorted, 0.99),
      p999_ms: quantile(sorted, 0.999),
      max_ms: sorted.at(-1) ?? Number.NaN,
    });
  }
});
