// The node `http`: one request through the guard and the client that deliveries use, and its whole response.
import { Deadline } from "../../../deadline.ts";
import type { Guard, Verdict } from "../../../delivery/guard/guard.ts";
import { readTarget } from "../../../delivery/guard/target.ts";
import type { Answer, Content } from "../../../delivery/http/answer.ts";
import type { FailureReason } from "../../../delivery/http/failure.ts";
import { mergeHeaders } from "../../../delivery/http/request.ts";
import { responseFields } from "../../../delivery/http/response-head.ts";
import type { Send } from "../../../delivery/http/send.ts";
import type { JsonText } from "../../../expressions/problem.ts";
import type { Scope } from "../../../expressions/scope.ts";
import { decodeUtf8 } from "../../../wire/bytes.ts";
import { isDeeperThan } from "../../../wire/json-path.ts";
import type { CompiledNode } from "../../compile.ts";
import { expressionFailure, failure, type NodeContext, type NodeOutcome } from "./outcome.ts";

export interface HttpDeps {
  guard: Guard;
  send: Send;
}

type HttpNode = Extract<CompiledNode, { type: "http" }>;

const MAX_URL_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 8 * 1024;
/** As expressions accept it. */
const MAX_BODY_DEPTH = 64;
const encoder = new TextEncoder();

export async function runHttp(
  node: HttpNode,
  scope: Scope,
  context: NodeContext,
  { guard, send }: HttpDeps,
): Promise<NodeOutcome> {
  const request = renderRequest(node, scope, context);
  if ("kind" in request) return request;
  const target = readTarget(request.url);
  if (target === null) return failure("invalid-url", "the node's url is not a valid URL");
  const deadline = new Deadline(node.timeoutMs);
  let answer: Answer | undefined;
  try {
    const verdict = await guard.check(target, deadline);
    if (verdict.verdict !== "allowed") return refusal(verdict);
    answer = await send({
      target: verdict.target,
      addresses: verdict.addresses,
      method: node.method,
      headers: mergeHeaders(request.headers, verdict.target.authorization, OUR_HEADERS),
      body: request.body,
      keepBytes: context.maxOutputBytes,
      deadline,
    });
  } catch (error) {
    if (!isInvalidHeader(error)) throw error;
    return failure("invalid-header", error.message);
  } finally {
    if (answer?.kind !== "response") deadline.clear();
  }
  if (answer.kind === "failure") return noAnswer(answer.reason);
  if (node.failOnStatus && answer.status >= 400) {
    const message = `the receiver answered with status ${answer.status}`;
    return failure(`http-${answer.status}`, message, true);
  }
  const tooLarge = failure(
    "response-too-large",
    `the response is larger than the ${context.maxOutputBytes} bytes that FLUXHOOK_MAX_OUTPUT_BYTES allows`,
  );
  if (!answer.content) return tooLarge;
  const json = outputOf(answer.status, answer.content);
  return Buffer.byteLength(json) > context.maxOutputBytes ? tooLarge : { kind: "finished", json };
}

/** They replace those of the node: Bun's sockets decompress nothing. */
const OUR_HEADERS = { "Accept-Encoding": "identity" };

interface Request {
  url: string;
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
}

function renderRequest(
  node: HttpNode,
  scope: Scope,
  { executionId, maxOutputBytes }: NodeContext,
): Request | NodeOutcome {
  const url = node.url.render(scope, MAX_URL_BYTES);
  if (!url.ok) return expressionFailure(url.problem);
  const names = new Set<string>();
  const headers: Record<string, string> = {};
  for (const { name, value } of node.headers) {
    const rendered = value.render(scope, MAX_HEADER_BYTES);
    if (!rendered.ok) return expressionFailure(rendered.problem);
    headers[name] = rendered.text;
    names.add(name.toLowerCase());
  }
  const add = (name: string, value: string) => {
    if (!names.has(name.toLowerCase())) headers[name] = value;
  };
  let body = new Uint8Array(0);
  if (node.body !== null) {
    const rendered = node.body.render(scope, maxOutputBytes);
    if (!rendered.ok) return expressionFailure(rendered.problem);
    const isText = rendered.json.startsWith('"');
    body = encoder.encode(isText ? (JSON.parse(rendered.json) as string) : rendered.json);
    add("Content-Type", isText ? "text/plain; charset=utf-8" : "application/json");
  }
  // The same on each attempt, so that the receiver can recognise a repetition.
  add("Idempotency-Key", `${executionId}.${node.id}`);
  add("User-Agent", "Fluxhook/1.0");
  return { url: url.text, headers, body };
}

function refusal(verdict: Exclude<Verdict, { verdict: "allowed" }>): NodeOutcome {
  if (verdict.verdict === "unresolved") return noAnswer(verdict.reason);
  const message = "the node's url leads to an address that Fluxhook may not connect to";
  return failure("blocked-address", message, verdict.mayPass);
}

/** The code of the failure may name an address, so only its reason is shown. */
function noAnswer(reason: FailureReason): NodeOutcome {
  const message =
    reason === "timeout"
      ? "the receiver did not answer within the node's timeout_ms"
      : `there was no response: ${reason}`;
  return { ...failure(reason, message, true), isOverload: true };
}

function isInvalidHeader(error: unknown): error is TypeError {
  return error instanceof TypeError && "code" in error && error.code === "ERR_INVALID_HEADER";
}

/** `{"status","headers","body"}`. JSON becomes the body as its text was, numbers like 1.10 included. */
function outputOf(status: number, { head, body }: Content): JsonText {
  const headers = new Map<string, string>();
  for (const [name, value] of responseFields(head)) {
    const before = headers.get(name);
    // A session's cookie is a credential: whoever sees the execution could act with it.
    if (name === "set-cookie") continue;
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const members = [...headers].map(
    ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
  );
  const shown = bodyJson(body, headers.get("content-type") ?? "");
  return `{"status":${status},"headers":{${members.join(",")}},"body":${shown}}`;
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json(?:\s*;|$)/i;

function bodyJson(body: Buffer, contentType: string): JsonText {
  if (body.length === 0) return "null";
  const text = decodeUtf8(body);
  if (text === null) return `{"base64":"${body.toString("base64")}"}`;
  return JSON_TYPE.test(contentType) && isJson(text) ? text : JSON.stringify(text);
}

function isJson(text: string): boolean {
  if (isDeeperThan(text, MAX_BODY_DEPTH)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
