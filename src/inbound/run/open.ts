// Puts the parts together that run executions. Loaded with the first workflow: without one, nothing of it is open.
import { randomBytes } from "node:crypto";
import { BoundedMap } from "../../bounded-map.ts";
import type { DeliverDeps } from "../../delivery/deliver.ts";
import type { WorkerLog } from "../../log.ts";
import type { Link } from "../../valkey/connection/link.ts";
import { WakeUps } from "../../valkey/connection/wake-ups.ts";
import type { ExecutionStore } from "../../valkey/inbound/execution-store.ts";
import type { StoredExecution } from "../../valkey/inbound/stored-execution.ts";
import type { WorkflowStore } from "../../valkey/inbound/workflow-store.ts";
import { TaskStore } from "../../valkey/inbound/task-store.ts";
import { QueueStore } from "../../valkey/queue/queue-store.ts";
import type { EventLimits } from "../../wire/event.ts";
import type { NotReadyCause } from "../../wire/not-ready.ts";
import type { Alerter } from "../../worker/after/alerts.ts";
import { KeyProblems } from "../../worker/after/key-problems.ts";
import { AcceptFirst } from "./accept-first.ts";
import { Claimer } from "../../worker/claim/claimer.ts";
import { elementCut } from "../../worker/claim/element-cut.ts";
import { ListState } from "../../worker/claim/list-state.ts";
import { NextClaim } from "../../worker/claim/next-claim.ts";
import { Slots } from "../../worker/run/slots.ts";
import { Throughput } from "../../worker/run/throughput.ts";
import { Capacity } from "../../worker/settle/capacity.ts";
import { Claims } from "../../worker/settle/claims.ts";
import { Heartbeat } from "../../worker/settle/heartbeat.ts";
import { WakeUp } from "../../worker/wake-up.ts";
import { MAX_WORKFLOW_CONCURRENCY } from "../../wire/workflow/trigger.ts";
import type { ExecutionControl } from "../execution-control.ts";
import type { Executions } from "../executions.ts";
import type { LiveExecutions } from "../live-executions.ts";
import { AcceptedExecutions } from "./accept.ts";
import { Advances } from "./advances.ts";
import { Answers } from "./answers.ts";
import { AnswersWait } from "./answers-wait.ts";
import { Ends } from "./ends.ts";
import { EndedSweep } from "./ended-sweep.ts";
import { ExecutionWorker } from "./execution-worker.ts";
import { Revisions } from "./revisions.ts";
import { runExecutions, type RouteDeps } from "./route.ts";
import { Waiters } from "./waiters.ts";

/** As the settings of the same names. */
export interface ExecutionWorkerSettings {
  VALKEY_URL: string;
  PREFIX: string;
  EXECUTION_CONCURRENCY: number;
  MAX_OUTPUT_BYTES: number;
  TASKS_MAX: number;
}

export interface ExecutionsOptions {
  settings: ExecutionWorkerSettings;
  link: Link;
  /** Over a link that waits for Valkey. */
  store: ExecutionStore;
  /** Over a link that gives up soon, for requests that somebody waits for. */
  apiStore: ExecutionStore;
  workflows: Pick<WorkflowStore, "revision">;
  control: ExecutionControl;
  live: LiveExecutions;
  /** Where `event` nodes push. */
  intake: Pick<QueueStore, "push">;
  egress: Pick<DeliverDeps, "guard" | "send">;
  limits: EventLimits;
  alerter: Pick<Alerter, "raise">;
  log: WorkerLog;
  leaseMs?: number;
  heartbeatMs?: number;
}

export interface OpenExecutions {
  executions: Executions;
  notReadyCauses(): NotReadyCause[];
  start(): void;
  drain(graceMs: number): Promise<void>;
  /** After `drain`: nobody waits any more. */
  close(): void;
}

const MAX_ACCEPTED = 4_096;
/** An element is an id; what is longer was written by another program. */
const MAX_ELEMENT_BYTES = 1_024;

export function openExecutions(options: ExecutionsOptions): OpenExecutions {
  const { settings, link, store, control, live, log } = options;
  const { keys } = store;
  const claimerWakeUp = new WakeUp();
  const state = { isDraining: false };
  const now = Date.now;
  const replica = randomBytes(9).toString("base64url");
  const wakeUps = new WakeUps({
    url: settings.VALKEY_URL,
    name: "fluxhook-endings",
    channel: keys.endings(replica),
    onError: (error) => log.error({ err: error }, "endings.failed"),
  });
  const revisions = new Revisions(options.workflows, link);
  const waiters = new Waiters({
    wakeUps,
    ends: new Ends(options.apiStore, revisions),
    log,
  });
  const accepted = new BoundedMap<string, StoredExecution>(MAX_ACCEPTED);
  const sweep = new EndedSweep(store, log);
  const executions = new AcceptedExecutions({
    store: live.accepting(options.apiStore),
    waiters,
    control,
    revisions,
    maxOutputBytes: settings.MAX_OUTPUT_BYTES,
    replica,
    accepted,
    onEnded: (count) => sweep.add(count),
    now,
    log,
  });

  const capacity = new Capacity(settings.EXECUTION_CONCURRENCY, claimerWakeUp);
  const queue = new QueueStore(link, keys.queue);
  const claims = new Claims({
    store: queue,
    capacity,
    link,
    log,
    claimer: claimerWakeUp,
    parkedSweep: { sweepSoon: () => {} },
  });
  const slots = new Slots({
    concurrency: settings.EXECUTION_CONCURRENCY,
    webhookConcurrency: MAX_WORKFLOW_CONCURRENCY,
    maxOf: (workflowId) => revisions.maxOf(workflowId),
    lanes: claims.lanes,
    wakeUp: claimerWakeUp,
  });
  const throughput = new Throughput();
  const tasks = new TaskStore(link, settings.PREFIX, settings.TASKS_MAX);
  const routes: RouteDeps = {
    run: {
      ...options.egress,
      intake: options.intake,
      limits: options.limits,
      tasks,
      link,
      now,
      advances: new Advances(live.advancing(store), link, (count) => sweep.add(count)),
      maxOutputBytes: settings.MAX_OUTPUT_BYTES,
      replyTo: keys.answers,
      state,
      live,
    },
    slots,
    throughput,
    revisions,
    store,
    link,
    waiters,
    accepted,
    running: new Map(),
    log,
  };

  const heartbeatDue = new WakeUp();
  const list = new ListState();
  const cut = elementCut(MAX_ELEMENT_BYTES);
  const nextClaim = new NextClaim({
    url: settings.VALKEY_URL,
    name: "fluxhook-wait",
    claims,
    list,
    mode: "safe",
    cut,
    capacity,
    slots: null,
    run: (batch) => runExecutions(batch, routes),
    wakeUp: claimerWakeUp,
    heartbeatDue,
    log,
  });
  const answersDue = new WakeUp();
  const answersWait = new AnswersWait({
    url: settings.VALKEY_URL,
    list: keys.answers,
    due: answersDue,
    log,
  });
  const claimer = new Claimer({
    queues: [{ claims, list, next: nextClaim }],
    mode: "safe",
    capacity,
    slots,
    batchSize: new AcceptFirst(slots, throughput, {
      accepts: () => executions.inFlight,
      isAwaited: () => waiters.isWaiting,
      list,
    }),
    cut,
    keyProblems: new KeyProblems(options.alerter, log),
    wakeUp: claimerWakeUp,
    heartbeatDue,
    link,
    log,
  });
  const heartbeat = new Heartbeat({
    queues: [claims],
    link,
    claimer: claimerWakeUp,
    due: heartbeatDue,
    upkeep: sweep,
    live,
    log,
    leaseMs: options.leaseMs,
    heartbeatMs: options.heartbeatMs,
  });
  const answers = new Answers({
    tasks,
    watcher: answersWait,
    due: answersDue,
    claimer: claimerWakeUp,
    link,
    maxOutputBytes: settings.MAX_OUTPUT_BYTES,
    log,
  });
  const worker = new ExecutionWorker({
    link,
    claims,
    claimer,
    capacity,
    heartbeat,
    waits: [nextClaim, answersWait],
    answers,
    routes,
    state,
    log,
  });
  return {
    executions,
    notReadyCauses: () => worker.notReadyCauses(),
    start: () => worker.start(),
    drain: (graceMs) => worker.drain(graceMs),
    close: () => wakeUps.close(),
  };
}
