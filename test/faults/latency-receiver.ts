// The receiver of the webhooks that are well, as a process of its own, so that what hangs costs it no
// CPU. Prints its port; keeps for each phase how long its events took from the push to here.
const latencies = new Map<string, number[]>();

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  development: false,
  async fetch(request) {
    const arrivedAtMs = performance.timeOrigin + performance.now();
    const { pathname } = new URL(request.url);
    if (request.method === "GET") return Response.json(latencies.get(pathname.slice(1)) ?? []);
    const { data } = (await request.json()) as { data: { phase: string; pushed_at_ms: number } };
    let ofPhase = latencies.get(data.phase);
    if (!ofPhase) latencies.set(data.phase, (ofPhase = []));
    ofPhase.push(arrivedAtMs - data.pushed_at_ms);
    return new Response(null, { status: 204 });
  },
});
process.stdout.write(`${server.port}\n`);
