// The SDK: a client for the API, `enqueue` for producers, `verify` for receivers. It uses what every
// runtime has (fetch, Web Crypto, URL), and has no dependencies.
export { Flux } from "./flux.ts";
export type { CallOptions, FluxOptions } from "./transport.ts";
export { FluxError, type FieldError, type ProblemKind, type ProblemType } from "./flux-error.ts";
export { Listing } from "./listing.ts";
export type {
  DialectName,
  DisableRule,
  FailedAttempt,
  SecretRotated,
  Webhook,
  WebhookCreate,
  WebhookCreated,
  WebhookOwner,
  WebhookPatch,
  WebhookSettings,
} from "./webhook.ts";
export type {
  ApplyOptions,
  ConfigApplied,
  ConfigChanges,
  ConfigDocument,
  ConfigEntry,
  ConfigOwner,
} from "./configs.ts";
export type { Series, Stats } from "./stats.ts";
export type { ApiKey, Me, Token, TokenCreate } from "./tokens.ts";
export type { AuditEntry, AuditFilter, OwnerErased } from "./owners.ts";
export type { Alert, AlertFilter, Found, SearchResult } from "./alerts.ts";
export {
  attempts,
  type AttemptsOptions,
  type StreamClient,
  type StreamedAttempt,
} from "./attempts.ts";
export type { FollowFilter, FollowOptions, LiveAttempt, LogEntry, StreamedEvent } from "./logs.ts";
export type {
  AttemptInFull,
  ParkedDelivery,
  ParkedFilter,
  ParkedSummary,
  SignatureCheck,
  SignedAgain,
} from "./deliveries.ts";
export type {
  Execution,
  Workflow,
  WorkflowChecked,
  WorkflowCreate,
  WorkflowCreated,
  WorkflowInput,
  WorkflowPatch,
  WorkflowSecretRotated,
  WorkflowSummary,
  WorkflowTest,
} from "./workflows.ts";
export type { EventInput, EventTypes, Sample } from "./events.ts";
export type { ExecutionState, ExecutionSummary } from "./executions.ts";
export { tasks, type Task, type TaskClient, type TaskOptions } from "./tasks.ts";
export {
  enqueue,
  EnqueueError,
  InvalidEventError,
  type EnqueueOptions,
  type ListClient,
} from "./enqueue.ts";
export { verify, type VerifyOptions } from "./verify.ts";
export { WebhookVerificationError, type VerificationCode } from "./verification-error.ts";
export type { RawBody } from "./raw-body.ts";
export type { RequestHeaders, SignatureOrHeaders } from "./request-headers.ts";
export type * from "./webhook-events.ts";
