// `fluxhook dev`: runs everything without preparation: a Valkey, the service, a receiver that verifies,
// and one event of each type. It prints the commands to try next.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { isGiven, readSettings, type Settings } from "../../config/settings.ts";
import { createLog, type Log } from "../../log.ts";
import { Link } from "../../valkey/connection/link.ts";
import { shownAddress } from "../../valkey/connection/address.ts";
import { startLocalValkey } from "../../local-valkey/start.ts";
import { locateValkey } from "../../local-valkey/locate.ts";
import { QueueStore } from "../../valkey/queue/queue-store.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import { printable } from "../../wire/printable.ts";
import type { Webhook } from "../../wire/webhook.ts";
import { ApiClient } from "../terminal/api-client.ts";
import { logTable } from "../terminal/log-table.ts";
import { colors } from "../terminal/output.ts";
import { startSampleReceiver, type ReceivedDelivery } from "./sample-receiver.ts";
import { SAMPLE_USER, sampleElement, sampleElements } from "./samples.ts";
import { startService, type Service } from "../../service/service.ts";
import { untilSignal } from "../terminal/signals.ts";

const READY_WITHIN_MS = 30_000;
const ARRIVED_WITHIN_MS = 30_000;

/** Defaults with which local receivers work. The environment overrides them. */
const DEV_SETTINGS = {
  FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8,::1/128",
  FLUXHOOK_LOG_LEVEL: "warn",
  FLUXHOOK_SHUTDOWN_GRACE: "5s",
};

/** Returns the exit code: with `once` 0 if all samples arrived and verified. */
export async function dev({ once }: { once: boolean }): Promise<number> {
  const stopped = untilSignal();
  const environment: Record<string, string | undefined> = {
    ...DEV_SETTINGS,
    // A random port for `--once`; 8585 for a run that users try.
    ...(once ? { FLUXHOOK_PORT: "0" } : {}),
    ...process.env,
  };
  // Wrong settings are reported before anything is started.
  const given = readSettings(environment);
  const tokens = given.API_TOKEN ?? [`dev_${randomBytes(18).toString("hex")}`];
  const valkey = await findValkey(
    once,
    isGiven("VALKEY_URL", environment) ? given.VALKEY_URL : null,
  );
  try {
    const settings = { ...given, API_TOKEN: tokens, VALKEY_URL: valkey.url };
    const { log, flush } = createLog(settings.LOG_LEVEL);
    const code = await run({ settings, tokens, valkey, log, once, stopped });
    await flush();
    return code;
  } finally {
    await valkey.stop();
  }
}

interface Run {
  settings: Settings;
  tokens: readonly string[];
  valkey: FoundValkey;
  log: Log;
  once: boolean;
  stopped: Promise<unknown>;
}

async function run({ settings, tokens, valkey, log, once, stopped }: Run): Promise<number> {
  const [token = ""] = tokens;
  const service = startService({ settings, apiTokens: tokens, log, valkeyCli: valkey.cli });
  const samples = sampleElements();
  const seen: ReceivedDelivery[] = [];
  const arrived = Promise.withResolvers<void>();
  let secret = "";
  const receiver = startSampleReceiver({
    secret: () => secret,
    onDelivery: (delivery) => {
      seen.push(delivery);
      console.log(deliveryLine(delivery));
      if (seen.length === samples.length) arrived.resolve();
    },
  });
  const link = new Link({ url: settings.VALKEY_URL, name: "fluxhook-dev", deadlineMs: 5_000 });
  try {
    await within(service.whenReady(), READY_WITHIN_MS, `no Valkey answers at ${valkey.shown}`);
    const api = new ApiClient(service.url, token);
    secret = await registerReceiver(api, receiver.url);
    await link.open().whenUp();
    const queue = settings.QUEUE[0] ?? "";
    say(`pushing ${samples.length} events onto ${queue}`);
    await new QueueStore(link, queue).push(samples, null, []);
    await within(
      arrived.promise,
      ARRIVED_WITHIN_MS,
      `only ${seen.length} of ${samples.length} deliveries arrived; see the log lines above`,
    );
    console.log(logTable(await logOf(api, seen)));
    const verified = seen.filter((delivery) => delivery.verification.ok).length;
    say(`${verified} of ${samples.length} deliveries arrived and verified`);
    if (once) return verified === samples.length ? 0 : 1;
    const dashboard = settings.DASHBOARD ? await dashboardLink(api, service.url) : null;
    console.log(tryNext({ service, settings, token, valkey, receiver: receiver.url, dashboard }));
    await stopped;
    say("ending");
    return 0;
  } finally {
    await service.stop();
    await receiver.stop();
    link.close();
  }
}

interface FoundValkey {
  url: string;
  /** The address without the password. */
  shown: string;
  /** The command that connects to it. */
  cli: string;
  stop(): Promise<void>;
}

async function findValkey(once: boolean, named: string | null): Promise<FoundValkey> {
  if (named !== null) {
    const shown = shownAddress(named);
    return { url: named, shown, cli: `valkey-cli -u ${shown}`, stop: async () => {} };
  }
  const install = await locateValkey({ onProgress: say });
  const dataDir = once ? mkdtempSync(join(tmpdir(), "fluxhook-dev-")) : dataFolder();
  const server = await startLocalValkey({ dataDir, onProgress: say });
  say(`valkey-server ${server.version} on port ${server.port}, append-only, in ${dataDir}`);
  const variables = Object.entries(install.env).map(([name, value]) => `${name}=${value} `);
  return {
    url: server.url,
    shown: server.url,
    cli: `${variables.join("")}${install.cliPath ?? "valkey-cli"} -p ${server.port}`,
    stop: async () => {
      await server.stop();
      if (once) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Kept between runs (XDG Base Directory Specification: state). */
function dataFolder(): string {
  const state = process.env.XDG_STATE_HOME || join(homedir(), ".local", "state");
  return join(state, "fluxhook", "dev");
}

/** Registers the receiver, or updates the webhook of an earlier run. Returns the secret. */
async function registerReceiver(api: ApiClient, url: string): Promise<string> {
  const description = "the sample receiver of fluxhook dev";
  const { webhooks } = await api.call<{ webhooks: Webhook[] }>(
    "GET",
    `/v1/webhooks?user_id=${SAMPLE_USER}`,
  );
  const earlier = webhooks.find((webhook) => webhook.description === description);
  if (!earlier) {
    const made = await api.call<{ secret: string }>("POST", "/v1/webhooks", {
      user_id: SAMPLE_USER,
      url,
      description,
    });
    return made.secret;
  }
  await api.call("PATCH", `/v1/webhooks/${earlier.id}`, { url, enabled: true });
  const { secret } = await api.call<{ secret: string }>("GET", `/v1/webhooks/${earlier.id}/secret`);
  return secret;
}

/**
 * Waits until the log has these deliveries: it is written after them, and may have those of an earlier
 * run. Gives up after a second.
 */
async function logOf(api: ApiClient, seen: readonly ReceivedDelivery[]): Promise<LogEntry[]> {
  for (let tries = 0; ; tries += 1) {
    const { logs } = await api.call<{ logs: LogEntry[] }>("GET", `/v1/users/${SAMPLE_USER}/logs`);
    const logged = new Set(logs.map((entry) => entry.delivery_id));
    if (tries >= 50 || seen.every(({ deliveryId }) => logged.has(deliveryId))) return logs;
    await Bun.sleep(20);
  }
}

function deliveryLine({ type, deliveryId, verification }: ReceivedDelivery): string {
  const verdict = verification.ok
    ? colors.green("✓ signature verified")
    : colors.red(`✗ ${verification.failure}`);
  return `  ${printable(type).padEnd(22)} ${printable(deliveryId)}  ${verdict}`;
}

/** Signed in with a token that ends, so the link does not hold the API token. */
async function dashboardLink(api: ApiClient, url: string): Promise<string> {
  const input = { dashboard: true, name: "fluxhook dev" };
  const { token } = await api.call<{ token: string }>("POST", "/v1/tokens", input);
  const to = encodeURIComponent(`/webhooks?user_id=${SAMPLE_USER}`);
  return `${url}/#token=${token}&to=${to}`;
}

interface TryNext {
  service: Service;
  settings: Settings;
  token: string;
  valkey: FoundValkey;
  receiver: string;
  dashboard: string | null;
}

function tryNext({ service, settings, token, valkey, receiver, dashboard }: TryNext): string {
  const title = (text: string) => colors.bold(text);
  const look = dashboard === null ? "" : `${title("Look at it")}\n  ${dashboard}\n\n`;
  return `
${look}${title("Addresses")}
  API       ${service.url}
  Valkey    ${valkey.shown}
  receiver  ${receiver}
  token     ${token}

${title("Push an event")}
  ${valkey.cli} LPUSH ${settings.QUEUE[0]} '${sampleElement("file.created")}'

${title("Read the log")}
  curl -H 'Authorization: Bearer ${token}' ${service.url}/v1/users/${SAMPLE_USER}/logs

${title("Register your own webhook")}
  curl -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' \\
    -d '{"user_id":"${SAMPLE_USER}","url":"http://127.0.0.1:3000/"}' ${service.url}/v1/webhooks

Ctrl-C ends it.`;
}

async function within<T>(promise: Promise<T>, ms: number, otherwise: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(otherwise)), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function say(line: string): void {
  console.log(colors.dim(line));
}
