// `fluxhook serve`: reads the settings, starts worker and API, and runs until SIGINT or SIGTERM.
import { readSettings } from "../../config/settings.ts";
import { createLog } from "../../log.ts";
import { VERSION } from "../../version.ts";
import { startService } from "../../service/service.ts";
import { untilSignal } from "../terminal/signals.ts";

const STILL_WAITING_MS = 5_000;

/** Returns the exit code. @throws SettingsError, or an Error with a message for the user. */
export async function serve(): Promise<number> {
  const settings = readSettings(process.env, ["API_TOKEN"]);
  const { log, flush } = createLog(settings.LOG_LEVEL);
  if (settings.SECRET_KEY.length === 0) {
    log.warn({ hint: "set FLUXHOOK_SECRET_KEY: openssl rand -base64 32" }, "secrets.in_plain");
  }
  const service = startService({ settings, apiTokens: settings.API_TOKEN ?? [], log });
  log.info(
    { version: VERSION, url: service.url, queues: settings.QUEUE, claim: settings.CLAIM },
    "service.started",
  );
  const reminder = setInterval(
    () => log.warn({ hint: "is FLUXHOOK_VALKEY_URL right?" }, "valkey.awaited"),
    STILL_WAITING_MS,
  );
  void service.whenReady().then(() => {
    clearInterval(reminder);
    log.info({ ms: Math.round(process.uptime() * 1_000) }, "service.ready");
  });
  const signal = await untilSignal();
  clearInterval(reminder);
  log.info({ signal, grace_ms: settings.SHUTDOWN_GRACE }, "service.stopping");
  const { putBack } = await service.stop();
  log.info({ put_back: putBack }, "service.stopped");
  await flush();
  return 0;
}
