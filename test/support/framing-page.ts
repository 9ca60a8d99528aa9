// An application's page that shows the portal in a frame, as docs/portal.md says. It is on another site
// than the service under test: `localhost`, not 127.0.0.1.

export interface FramingPage extends AsyncDisposable {
  origin: string;
  /** The address of a page that frames this url. */
  show(url: string): string;
}

const SCRIPT = `
  const frame = document.querySelector("iframe");
  globalThis.messages = [];
  addEventListener("message", ({ source, data }) => {
    if (source === frame.contentWindow) messages.push(data);
  });
  globalThis.answer = (token) =>
    frame.contentWindow.postMessage({ type: "fluxhook:token", token }, new URL(frame.src).origin);
`;

export function startFramingPage(): FramingPage {
  const server = Bun.serve({
    hostname: "localhost",
    port: 0,
    fetch(request) {
      const framed = new URL(request.url).searchParams.get("url") ?? "";
      const html = `<!doctype html><title>An application</title><iframe width="900" height="600"
        src="${Bun.escapeHTML(framed)}" title="Webhooks" allow="clipboard-write"
        referrerpolicy="no-referrer"
        sandbox="allow-scripts allow-same-origin allow-forms allow-popups"></iframe>
        <script>${SCRIPT}</script>`;
      return new Response(html, { headers: { "Content-Type": "text/html" } });
    },
  });
  const origin = `http://localhost:${server.port}`;
  return {
    origin,
    show: (url) => `${origin}/?url=${encodeURIComponent(url)}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
