// A receiver in a process of its own, so that its cost is nobody else's. Prints its port, then how
// many requests it has had, whenever a line is asked for on its standard input.
let requests = 0;
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  development: false,
  fetch: () => {
    requests += 1;
    return new Response(null, { status: 204 });
  },
});
console.log(server.port);

async function answer(): Promise<void> {
  for await (const _ of console) console.log(requests);
}

void answer();
