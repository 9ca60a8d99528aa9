// The portal in a frame: it asks the page around it for a new token before the old one ends, and tells it
// how high it is. Only the origins in FLUXHOOK_PORTAL_ORIGINS are spoken to and listened to.
import { effect } from "@preact/signals";
import { config, isPortal } from "./boot.ts";
import type { Owner } from "./principal.ts";
import { connect } from "./connect.ts";
import { lastEnd, session } from "./session.ts";

const ASK_BEFORE_MS = 60_000;
/** A host that gives tokens which end at once must not be asked without a pause. */
const MIN_PAUSE_MS = 5_000;

const WANTED = "fluxhook:token-wanted";
const TOKEN = "fluxhook:token";
const HEIGHT = "fluxhook:height";

export function talkToFrame(): void {
  if (!isPortal || parent === window) return;
  let owner: Owner | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  effect(() => {
    clearTimeout(timer);
    const current = session.value;
    if (current?.owner) owner = current.owner;
    if (current === null) {
      if (lastEnd.value === "expired" || lastEnd.value === "refused") tellHost({ type: WANTED });
      return;
    }
    if (current.expiresAtMs === null) return;
    const inMs = current.expiresAtMs - Date.now() - ASK_BEFORE_MS;
    timer = setTimeout(() => tellHost({ type: WANTED }), Math.max(MIN_PAUSE_MS, inMs));
  });

  addEventListener("message", ({ source, origin, data }: MessageEvent<unknown>) => {
    if (source !== parent || !config.origins.includes(origin) || !isToken(data)) return;
    // Another owner's: whoever looks at this page must not find himself in somebody else's.
    connect(data.token, { only: owner }).catch(() => {
      // Refused: the page goes on with the token that it has, and asks again when that has ended.
    });
  });

  new ResizeObserver(() => {
    tellHost({ type: HEIGHT, height: document.documentElement.scrollHeight });
  }).observe(document.body);
}

/** To each allowed origin: the browser gives it to the true one only. */
function tellHost(message: object): void {
  for (const origin of config.origins) parent.postMessage(message, origin);
}

function isToken(data: unknown): data is { type: typeof TOKEN; token: string } {
  const { type, token } = (data ?? {}) as Record<string, unknown>;
  return type === TOKEN && typeof token === "string";
}
