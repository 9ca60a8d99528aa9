// `POST /api/webhooks/<workflow_id>`: reads the raw body, verifies it before anything is parsed, starts an
// execution, and answers as the workflow's trigger says.
import type { Expression } from "../../expressions/expression.ts";
import { headersJson, queryJson } from "../../expressions/workflow-scope.ts";
import { FailureLimit } from "../../failure-limit.ts";
import { ValkeyFull, ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import { readBounded } from "../../wire/read-bounded.ts";
import { compileIdempotency } from "../compile.ts";
import type { ExecutionRequest, Executions } from "../executions.ts";
import { answerMinimal, answerWaited } from "./answer.ts";
import { readContent } from "./content.ts";
import type { KnownWorkflow, WorkflowDirectory } from "./directory.ts";
import { idempotencyKey, withFingerprint } from "./idempotency.ts";
import { RateLimit } from "./rate-limit.ts";
import { refuse } from "./refuse.ts";
import { isMetaQuestion, metaChallenge } from "./schemes/meta.ts";
import type { Claim } from "./schemes/scheme.ts";
import { slackChallenge } from "./schemes/slack.ts";
import { verifyRequest } from "./verify.ts";
import type { WebhookPath } from "./webhook-path.ts";

export interface RouteServer {
  requestIP?: (request: Request) => { address: string } | null;
  timeout?: (request: Request, seconds: number) => void;
}

export interface RouteLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface WebhookRouteOptions {
  directory: Pick<WorkflowDirectory, "get" | "isCurrent" | "whenCurrent">;
  /** Opened with the first workflow. */
  executions: () => Promise<Executions>;
  maxBytes: number;
  publicUrl: string | undefined;
  now: () => number;
  /** Told of every request that was answered. */
  count?: (status: number, ms: number) => void;
  log: RouteLog;
}

interface VerifiedRequest {
  workflow: KnownWorkflow;
  claim: Claim;
  body: Uint8Array;
}

/** Of an address, per minute; after that its wrong signatures are answered 429. */
export const MAX_WRONG_SIGNATURES = 60;
/** Shorter than the second within which a sender has to learn that Valkey is away. */
const CURRENT_WITHIN_MS = 700;
/** More than the longest time-out of a response. */
const EXTRA_SILENCE_S = 10;

export class WebhookRoute {
  readonly #failures = new FailureLimit(MAX_WRONG_SIGNATURES);
  readonly #rates = new RateLimit();
  readonly #expressions = new WeakMap<KnownWorkflow, Expression | null>();
  readonly #stop = new AbortController();
  #underWay = 0;
  #whenNone: (() => void)[] = [];

  constructor(private readonly options: WebhookRouteOptions) {}

  async handle(request: Request, path: WebhookPath, server: RouteServer): Promise<Response> {
    const startedAt = performance.now();
    this.#underWay += 1;
    let response: Response;
    try {
      response = await this.#answer(request, path, server);
    } catch (error) {
      response = this.#failed(error);
    }
    this.#underWay -= 1;
    if (this.#underWay === 0) for (const resolve of this.#whenNone.splice(0)) resolve();
    this.options.count?.(response.status, performance.now() - startedAt);
    return response;
  }

  /** Answers all that wait with 504; resolves when each has its answer. */
  async release(): Promise<void> {
    this.#stop.abort();
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
  }

  async #answer(request: Request, path: WebhookPath, server: RouteServer): Promise<Response> {
    if (request.method === "GET") {
      const query = new URLSearchParams(path.search);
      if (isMetaQuestion(query)) return this.#answerMeta(path.id, query, request, server);
    }
    if (request.method !== "POST") {
      const detail = "send POST, with the signature of the body";
      return refuse("method-not-allowed", detail, { allow: "POST" });
    }
    const { directory, maxBytes } = this.options;
    const length = request.headers.get("content-length");
    let body: ArrayBuffer | Uint8Array | null = null;
    if (Number(length ?? 0) <= maxBytes) {
      try {
        // Bun has a body of a known length already: read at once, it costs half of what the stream costs.
        const reading =
          length === null ? readBounded(request.body, maxBytes) : request.arrayBuffer();
        body = await reading;
      } catch {
        // The body ended early: probably the sender has disconnected.
        return refuse("bad-request", "the body is incomplete");
      }
    }
    if (body === null) return refuse("too-large", `the body may have at most ${maxBytes} bytes`);
    if (!directory.isCurrent && !(await directory.whenCurrent(CURRENT_WITHIN_MS))) {
      return unavailable();
    }
    const verified = this.#verify(request, path, new Uint8Array(body));
    if (verified === null) return this.#refuseWrong(request, server);
    const execution = this.#read(request, path, verified);
    if (execution instanceof Response) return execution;
    const executions = await this.options.executions();
    const accepted = await executions.accept(execution);
    const { executionId } = accepted;
    if (accepted.kind === "key-reused") {
      const detail = "the first request with this key had another body";
      return refuse("key-reused", detail, { executionId });
    }
    const { response } = verified.workflow.trigger;
    const answered = { executionId, isReplayed: !accepted.first };
    if (response.mode === "minimal") return answerMinimal(response, answered);
    if (accepted.waited) return answerWaited(response, accepted.waited, answered);
    server.timeout?.(request, Math.ceil(response.timeout_ms / 1_000) + EXTRA_SILENCE_S);
    const waited = await executions.waitFor(executionId, {
      timeoutMs: response.timeout_ms,
      signal: AbortSignal.any([request.signal, this.#stop.signal]),
    });
    return answerWaited(response, waited, answered);
  }

  /** Null if the signature is not one of the workflow's. */
  #verify(request: Request, path: WebhookPath, body: Uint8Array): VerifiedRequest | null {
    const { directory, now, publicUrl } = this.options;
    const workflow = directory.get(path.id);
    const signed = {
      headers: request.headers,
      body,
      publicUrl:
        publicUrl === undefined
          ? null
          : `${publicUrl.replace(/\/$/, "")}/api/webhooks/${path.id}${path.search}`,
    };
    const verified = verifyRequest(workflow, signed, now());
    return verified.ok && workflow !== undefined ? { workflow, claim: verified.claim, body } : null;
  }

  /** Reads what a verified request starts, or says why it starts nothing. */
  #read(
    { headers }: Request,
    path: WebhookPath,
    { workflow, claim, body }: VerifiedRequest,
  ): ExecutionRequest | Response {
    const { trigger, scheme } = workflow;
    if (!workflow.enabled) {
      return refuse("workflow-disabled", "its operator has disabled it");
    }
    const content = readContent(workflow, headers, body);
    if (!content.ok) return refuse(content.kind, content.detail);
    if (trigger.verification.scheme === "slack") {
      const challenge = slackChallenge(content.value);
      if (challenge !== null) return plain(challenge);
    }
    const limit = trigger.rate_limit;
    if (limit !== null && !this.#rates.take(workflow.id, limit.per_second, this.options.now())) {
      const detail = `this workflow accepts ${limit.per_second} requests per second`;
      return refuse("too-many-requests", detail, { retryAfterS: 1 });
    }
    const texts = {
      body: content.text,
      query: path.search.length > 1 ? queryJson(new URLSearchParams(path.search)) : null,
      headers: headersJson(headers, scheme.signatureHeaders),
    };
    const { value } = content;
    const expression = this.#expression(workflow);
    const found = idempotencyKey({ expression, headers, claim, scheme, value, texts });
    if (!found.ok) {
      return refuse("bad-request", `the workflow's idempotency key: ${found.problem.message}`);
    }
    return {
      workflowId: workflow.id,
      revision: workflow.revision,
      body: content.bytes,
      text: content.text,
      query: texts.query,
      headers: texts.headers,
      mode: trigger.response.mode,
      isTest: false,
      idempotency: withFingerprint(found.key, content.bytes),
    };
  }

  async #answerMeta(
    id: string,
    query: URLSearchParams,
    request: Request,
    server: RouteServer,
  ): Promise<Response> {
    const { directory } = this.options;
    if (!(await directory.whenCurrent(CURRENT_WITHIN_MS))) return unavailable();
    const verification = directory.get(id)?.trigger.verification;
    const token = verification?.scheme === "meta" ? verification.verify_token : undefined;
    const challenge = metaChallenge(query, token);
    return challenge === null ? this.#refuseWrong(request, server) : plain(challenge);
  }

  /** The same for an unknown workflow, a missing signature and a wrong one. */
  #refuseWrong(request: Request, server: RouteServer): Response {
    const address = server.requestIP?.(request)?.address ?? null;
    const failure = this.#failures.count(address, new Date(this.options.now()));
    if (!failure.limited) {
      return refuse("unauthorized", "there is no such workflow, or the signature is not its own");
    }
    const { source, retryAfterS, isFirst } = failure;
    if (isFirst) this.options.log.info({ address: source, for_s: retryAfterS }, "inbound.limited");
    const detail =
      "this address has sent too many wrong signatures; a right one is always accepted";
    return refuse("too-many-failures", detail, { retryAfterS });
  }

  /** Compiled once for each revision. It compiled when it was saved, by this version or another. */
  #expression(workflow: KnownWorkflow): Expression | null {
    const { idempotency } = workflow.trigger;
    if (idempotency === null) return null;
    let expression = this.#expressions.get(workflow);
    if (expression === undefined) {
      const compiled = compileIdempotency(idempotency);
      expression = compiled.ok ? compiled.value : null;
      if (!compiled.ok) {
        const [problem] = compiled.problems;
        this.options.log.error(
          { workflow: workflow.id, problem },
          "inbound.idempotency_unreadable",
        );
      }
      this.#expressions.set(workflow, expression);
    }
    return expression;
  }

  #failed(error: unknown): Response {
    if (error instanceof ValkeyUnavailable || error instanceof ValkeyFull) return unavailable();
    this.options.log.error({ err: error }, "inbound.failed");
    return refuse("internal", "the request failed; Fluxhook's log has the cause");
  }
}

function unavailable(): Response {
  const detail =
    "it may have been accepted: sent again with the same idempotency key, it starts the same execution";
  return refuse("unavailable", detail, { retryAfterS: 1 });
}

/** An answer to the sender's question about the URL itself; never quoted, never HTML. */
function plain(text: string): Response {
  return new Response(text, {
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "Content-Security-Policy": "sandbox",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
    },
  });
}
