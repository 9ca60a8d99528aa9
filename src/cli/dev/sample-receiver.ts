// The receiver of `fluxhook dev`. It verifies each request as a user's receiver should.
import { fluxdrop } from "../../wire/dialects/fluxdrop.ts";
import { verifyRequest, type Verification } from "../../wire/verify.ts";

export interface ReceivedDelivery {
  type: string;
  deliveryId: string;
  body: string;
  verification: Verification;
}

export interface SampleReceiver {
  url: string;
  stop(): Promise<void>;
}

const PATH = "/webhook";

/** Answers 204 to verified requests and 401 to others. Calls `secret` for each request. */
export function startSampleReceiver(options: {
  secret: () => string;
  onDelivery: (delivery: ReceivedDelivery) => void;
}): SampleReceiver {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    development: false,
    async fetch(request) {
      if (new URL(request.url).pathname !== PATH) return new Response(null, { status: 404 });
      const body = await request.bytes();
      const verification = await verifyRequest({
        dialect: fluxdrop,
        secret: options.secret(),
        headers: request.headers,
        body,
        nowSeconds: Math.floor(Date.now() / 1_000),
      });
      options.onDelivery({
        type: request.headers.get("x-fluxdrop-event") ?? "",
        deliveryId: request.headers.get("x-fluxdrop-delivery") ?? "",
        body: new TextDecoder().decode(body),
        verification,
      });
      return new Response(null, { status: verification.ok ? 204 : 401 });
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}${PATH}`,
    stop: () => server.stop(true),
  };
}
