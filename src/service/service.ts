// The service itself, worker and API in one process, as `serve` and `dev` run it.
import { createApi } from "../api/app.ts";
import type { Settings } from "../config/settings.ts";
import { createEgress } from "../delivery/egress.ts";
import { createListening } from "../tunnel/tunnel.ts";
import type { Log } from "../log.ts";
import { HealthStore } from "../valkey/webhooks/health-store.ts";
import { sharedKeys } from "../valkey/keys.ts";
import { KeptStore } from "../valkey/history/body-store.ts";
import { Link } from "../valkey/connection/link.ts";
import { logLimits, rejectedLimits } from "../valkey/limits.ts";
import { LogStore } from "../valkey/history/log-store.ts";
import { QueueStore } from "../valkey/queue/queue-store.ts";
import { Redelivery } from "../control/redelivery.ts";
import { RejectedStore } from "../valkey/queue/rejected-store.ts";
import { Requeue } from "../valkey/queue/requeue.ts";
import { SecretBox } from "../valkey/webhooks/secret-box.ts";
import { WebhookStore } from "../valkey/webhooks/webhook-store.ts";
import { VERSION } from "../version.ts";
import { formatDuration } from "../wire/duration.ts";
import type { FinishedAttempt } from "../worker/run/attempt.ts";
import { acceptedEventTypes } from "../wire/accepted-event-types.ts";
import { sealStored } from "../control/reseal.ts";
import { attemptTest } from "../worker/run/test-attempt.ts";
import { Worker } from "../worker/worker.ts";

/** Shorter than the second within which the API has to say that Valkey is away. */
const API_DEADLINE_MS = 700;

export interface Service {
  /** The address that the API listens on. */
  url: string;
  /** Resolves when events can be taken: Valkey is there, the worker has joined. */
  whenReady(): Promise<void>;
  /** Finishes what is in flight within the grace and puts back the rest. */
  stop(): Promise<{ putBack: number }>;
}

export interface ServiceOptions {
  settings: Settings;
  apiToken: string;
  log: Log;
  onAttempt?: (attempt: FinishedAttempt) => void;
}

/** @throws Error with a message for the user where the address cannot be listened on. */
export function startService({ settings, apiToken, log, onAttempt }: ServiceOptions): Service {
  const keys = sharedKeys(settings.PREFIX);
  const link = new Link({
    url: settings.VALKEY_URL,
    name: "fluxhook-api",
    deadlineMs: API_DEADLINE_MS,
  });
  const egress = createEgress(settings);
  const box = new SecretBox(settings.SECRET_KEY);
  const webhooks = new WebhookStore(link, keys, { box });
  const listening = createListening({ settings, egress, webhooks, log });
  const worker = new Worker({ settings, log, egress: listening.egress, onAttempt });
  if (box.hasKey) void sealStored({ store: webhooks, whenUp: () => link.whenUp(), log });
  const health = new HealthStore(link, keys);
  const logs = new LogStore(link, keys, logLimits(settings));
  const rejected = new RejectedStore(link, keys, rejectedLimits(settings));
  const requeue = new Requeue(link, keys, settings.QUEUE);
  const sending = { ...listening.egress, now: Date.now, random: Math.random };
  const intake = new QueueStore(link, settings.QUEUE[0] ?? "");
  const queues = settings.QUEUE.map((queue) => new QueueStore(link, queue));
  // A pause is what one receiver asked for (Retry-After): it must not outlive a change of receiver
  // or hold back a webhook that its user has just switched on.
  const unpause = (id: string) => Promise.all(queues.map((queue) => queue.unpause(id)));
  let stopping = false;
  const api = createApi({
    stores: {
      webhooks: {
        create: (record) => webhooks.create(record),
        get: (id) => webhooks.get(id),
        list: (owner) => webhooks.list(owner),
        update: async (id, change) => {
          let before: string | null = null;
          const result = await webhooks.update(id, (current) => {
            before = current.url;
            return change(current);
          });
          if (result.updated && result.updated.url !== before) await unpause(id);
          return result;
        },
        delete: (id) => webhooks.delete(id),
        health: (ids) => health.read(ids),
        resetHealth: async (id) => {
          await health.reset(id);
          await unpause(id);
        },
      },
      logs,
      listen: listening.line,
      intake,
      rejected: {
        list: (cursor, limit) => rejected.list(cursor, limit),
        requeue: (which, limit) =>
          which === "all" ? requeue.oldest(limit) : requeue.named(which, limit),
      },
      redelivery: new Redelivery({
        link,
        queues: settings.QUEUE,
        kept: new KeptStore(link, keys),
        webhooks,
        parkedTtlMs: settings.PARKED_TTL,
      }),
    },
    guard: egress.guard,
    sendTest: (webhook, eventId) => attemptTest(webhook, eventId, { deliver: sending, logs, log }),
    config: {
      apiToken,
      corsOrigins: settings.CORS_ORIGINS,
      publicUrl: settings.PUBLIC_URL,
      maxEventBytes: settings.MAX_EVENT_BYTES,
      eventTypes: acceptedEventTypes(settings.EVENT_TYPES),
      retrySchedule: settings.RETRY_SCHEDULE.map(formatDuration),
      version: VERSION,
    },
    notReadyCauses: () => {
      if (stopping) return [{ code: "stopping", queue: null, message: "shutting down" }];
      if (!link.isUp) {
        return [
          { code: "valkey-unreachable", queue: null, message: `Valkey: ${link.lastProblem}` },
        ];
      }
      return worker.notReadyCauses();
    },
    now: () => new Date(),
    log,
  });
  const server = listen(
    settings,
    (request, bun) => listening.door(request, bun) ?? api.fetch(request, bun),
  );
  const { port = settings.PORT } = server;
  egress.protect({ name: "Fluxhook's own API", host: settings.HOST, port });
  worker.start();
  link.open();
  listening.open();
  return {
    url: server.url.href.replace(/\/$/, ""),
    whenReady: () => worker.whenConnected(),
    stop: async () => {
      stopping = true;
      const { putBack } = await worker.drain(settings.SHUTDOWN_GRACE);
      await listening.release();
      await server.stop(true);
      listening.close();
      link.close();
      return { putBack };
    },
  };
}

function listen(
  { HOST, PORT }: Settings,
  fetch: (request: Request, server: Bun.Server<undefined>) => Response | Promise<Response>,
) {
  try {
    // Without `reusePort: false` a second service would start beside this one, and its requests
    // would go to either.
    return Bun.serve({ hostname: HOST, port: PORT, fetch, development: false, reusePort: false });
  } catch (error) {
    throw new Error(
      `cannot listen on ${HOST}:${PORT} (${(error as { code?: string }).code ?? String(error)}); set FLUXHOOK_HOST and FLUXHOOK_PORT to an address of this machine that is free`,
      { cause: error },
    );
  }
}
