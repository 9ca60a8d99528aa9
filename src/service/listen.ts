// Opens the HTTP server.
import type { Settings } from "../config/settings.ts";

/** @throws Error with a message for the user where the address cannot be listened on. */
export function listen(
  { HOST, PORT }: Settings,
  fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>,
) {
  try {
    // Without `reusePort: false` a second service would start beside this one, and its requests would go
    // to either.
    return Bun.serve({ hostname: HOST, port: PORT, fetch, development: false, reusePort: false });
  } catch (error) {
    throw new Error(
      `cannot listen on ${HOST}:${PORT} (${(error as { code?: string }).code ?? String(error)}); set FLUXHOOK_HOST and FLUXHOOK_PORT to an address of this machine that is free`,
      { cause: error },
    );
  }
}
