// The client of a listen session: polls for waiting requests, forwards them, sends back the responses, and
// tracks whether the service is reachable. The service answers each poll within the heartbeat.
import {
  AWAY_AFTER_MS,
  HEARTBEAT_MS,
  KEPT_MS,
  MAX_REQUESTS_PER_BATCH,
  type ListenAnswer,
  type ListenBatch,
  type ListenCreate,
  type ListenRequest,
  type ListenSession,
} from "../../wire/tunnel.ts";
import type { Answer, ApiClient } from "../terminal/api-client.ts";
import { refusal, type Forwarded } from "./forward.ts";
import type { Screen } from "./screen.ts";

export interface ListenClientOptions {
  api: ApiClient;
  create: ListenCreate;
  forward: (request: ListenRequest) => Promise<Forwarded>;
  screen: Screen;
}

/** Maximum number of requests in flight to the local server, which may be a laptop. */
const MAX_IN_FLIGHT = 64;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2_000;
/** Time-out of a poll: at first one heartbeat and as much for the network. It doubles after a failure. */
const FIRST_TIMEOUT_MS = 2 * HEARTBEAT_MS;
const LONGEST_TIMEOUT_MS = KEPT_MS;
const LOOK_EVERY_MS = 500;
/** Time-out for sending a response, which may be 7 MB. */
const ANSWER_TIMEOUT_MS = 30_000;

export class ListenClient {
  private session: ListenSession | null = null;
  private after = "0-0";
  private expired = 0;
  private readonly inFlight = new Set<Promise<void>>();
  private last: ListenRequest | null = null;
  private heardAtMs = performance.now();
  private problem: string | null = null;
  private isStopping = false;

  constructor(private readonly options: ListenClientOptions) {}

  /** Runs until `stop`. @throws Error with the problem's message if the service refuses permanently. */
  async run(): Promise<void> {
    const answer = await this.begin();
    if (answer.kind !== "answered") throw new Error(answer.message);
    const watch = setInterval(() => this.reportConnection(), LOOK_EVERY_MS);
    try {
      await this.follow();
    } finally {
      clearInterval(watch);
    }
  }

  /** Ends the session within `ms`. Returns false if the service could not be reached. */
  async stop(ms: number): Promise<boolean> {
    this.isStopping = true;
    const { session } = this;
    if (session === null) return true;
    await Promise.race([Promise.allSettled(this.inFlight), Bun.sleep(ms / 2)]);
    const path = `/v1/listen/${session.session}`;
    const answer = await this.options.api.ask("DELETE", path, { timeoutMs: ms / 2 });
    return answer.kind === "answered" || (answer.kind === "refused" && answer.status === 404);
  }

  /** Sends the last request to the local server again. The caller does not get this response. */
  async resend(): Promise<void> {
    const { last } = this;
    const { forward, screen } = this.options;
    if (last === null) screen.note("no request received yet");
    else screen.request(last, await forward(last), true);
  }

  private async begin(): Promise<Answer> {
    const { api, create, screen } = this.options;
    const answer = await api.ask("POST", "/v1/listen", { body: JSON.stringify(create) });
    if (answer.kind !== "answered") return answer;
    const isFirst = this.session === null;
    this.session = JSON.parse(answer.text) as ListenSession;
    this.after = "0-0";
    this.expired = 0;
    screen.session(this.session, isFirst);
    this.heard();
    return answer;
  }

  private async follow(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    let timeoutMs = FIRST_TIMEOUT_MS;
    while (!this.isStopping) {
      const asked = await this.ask(timeoutMs);
      if (asked.kind === "answered") {
        pauseMs = FIRST_PAUSE_MS;
        timeoutMs = FIRST_TIMEOUT_MS;
        this.heard();
        this.take(JSON.parse(asked.text) as ListenBatch);
        continue;
      }
      if (this.isStopping) return;
      if (asked.kind === "refused" && asked.status === 404) {
        const begun = await this.begin();
        if (begun.kind === "answered") continue;
        this.lost(begun);
      } else this.lost(asked);
      timeoutMs = Math.min(timeoutMs * 2, LONGEST_TIMEOUT_MS);
      await Bun.sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  private async ask(timeoutMs: number): Promise<Answer> {
    // At the limit of requests in flight, the poll is only a heartbeat.
    if (this.inFlight.size >= MAX_IN_FLIGHT) {
      await Promise.race([...this.inFlight, Bun.sleep(HEARTBEAT_MS)]);
    }
    const limit = Math.min(MAX_IN_FLIGHT - this.inFlight.size, MAX_REQUESTS_PER_BATCH);
    // After a failure the first poll only checks the connection, so the service answers at once.
    const waitMs = this.problem === null ? HEARTBEAT_MS : 0;
    const query = `after=${this.after}&limit=${Math.max(limit, 0)}&wait_ms=${waitMs}`;
    const path = `/v1/listen/${this.session?.session}/requests?${query}`;
    return this.options.api.ask("GET", path, { timeoutMs });
  }

  private take({ requests, expired }: ListenBatch): void {
    if (expired > this.expired) this.options.screen.expired(expired - this.expired);
    this.expired = expired;
    for (const request of requests) {
      // Advances only past received requests: if a reply is lost, the service sends its requests again.
      this.after = request.id;
      const handling = this.handle(request).finally(() => this.inFlight.delete(handling));
      this.inFlight.add(handling);
    }
  }

  private async handle(request: ListenRequest): Promise<void> {
    const { forward, screen } = this.options;
    const session = this.session?.session ?? "";
    this.last = request;
    const forwarded = await forward(request);
    screen.request(request, forwarded, false);
    await this.sendBack(session, { id: request.id, ...forwarded.answer });
  }

  /** Retries for as long as the service keeps the request, which it would otherwise send again. */
  private async sendBack(session: string, answer: ListenAnswer): Promise<void> {
    const givesUpAtMs = performance.now() + KEPT_MS;
    let pauseMs = FIRST_PAUSE_MS;
    let body = JSON.stringify(answer);
    while (performance.now() < givesUpAtMs) {
      const path = `/v1/listen/${session}/answers`;
      const sent = await this.options.api.ask("POST", path, { body, timeoutMs: ANSWER_TIMEOUT_MS });
      if (sent.kind === "answered" || (sent.kind === "refused" && sent.status === 404)) return;
      if (sent.kind === "refused" && sent.status === 422) {
        this.options.screen.note(`the response cannot be passed on: ${sent.message}`);
        body = JSON.stringify({ id: answer.id, ...refusal(502, "the response is not valid HTTP") });
      }
      await Bun.sleep(pauseMs);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  private heard(): void {
    this.heardAtMs = performance.now();
    this.problem = null;
    this.options.screen.is("connected");
  }

  /** @throws Error if the failure is permanent. */
  private lost(answer: Exclude<Answer, { kind: "answered" }>): void {
    const isForGood =
      answer.kind === "refused" && [400, 401, 403, 409, 422].includes(answer.status);
    if (isForGood) throw new Error(answer.message);
    this.problem = answer.message;
    this.reportConnection();
  }

  /** Called also while an answer is late and nothing has failed yet. */
  private reportConnection(): void {
    const silentMs = performance.now() - this.heardAtMs;
    const { screen } = this.options;
    const silent = `no answer for ${Math.round(silentMs / 1_000)} s`;
    if (silentMs >= AWAY_AFTER_MS) screen.is("down", this.problem ?? silent);
    else if (this.problem !== null || silentMs >= LATE_AFTER_MS) {
      screen.is("reconnecting", this.problem ?? silent);
    }
  }
}

/** The service answers a heartbeat after `HEARTBEAT_MS`; the rest is for the network. */
const LATE_AFTER_MS = HEARTBEAT_MS + 3_000;
