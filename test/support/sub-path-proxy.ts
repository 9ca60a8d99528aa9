// A reverse proxy that serves another server below a path of its own, and strips it (nginx:
// `location /hooks/ { proxy_pass http://…/; }`).

export interface SubPathProxy extends AsyncDisposable {
  url: string;
  /** Paths that were asked for outside of it. */
  missed: string[];
}

export function startSubPathProxy(prefix: string, target: string): SubPathProxy {
  const missed: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith(`${prefix}/`)) {
        missed.push(pathname);
        return new Response(null, { status: 404 });
      }
      return fetch(target + pathname.slice(prefix.length) + search, {
        method: request.method,
        headers: request.headers,
        body: request.body,
        redirect: "manual",
        // What is packed stays packed.
        decompress: false,
      });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    missed,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
