// The last step before the HTTP server is stopped.

const ANSWERED_WITHIN_MS = 1_000;
const LOOK_EVERY_MS = 5;

/** Waits until the answers that were just given are sent: `stop(true)` would close their connections. */
export async function whenAnswered(
  server: Pick<Bun.Server<undefined>, "pendingRequests">,
): Promise<void> {
  const until = performance.now() + ANSWERED_WITHIN_MS;
  while (server.pendingRequests > 0 && performance.now() < until) await Bun.sleep(LOOK_EVERY_MS);
}
