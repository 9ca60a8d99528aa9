// The answer of a workflow: status and headers of its trigger, and the outputs that its mode asks for.
import type { JsonText } from "../../expressions/problem.ts";
import type { Trigger } from "../../wire/workflow/trigger.ts";
import type { NodeOutput, Waited } from "../executions.ts";
import { refuse } from "./refuse.ts";

type ResponseOptions = Trigger["response"];

interface Answered {
  executionId: string;
  /** The idempotency key was seen before: this is the answer to the first request. */
  isReplayed: boolean;
}

export function answerMinimal(response: ResponseOptions, answered: Answered): Response {
  const { executionId } = answered;
  return answer(response, `{"success":true,"executionId":"${executionId}"}`, answered);
}

/** Answers what an execution gave, or why it gave nothing. */
export function answerWaited(
  response: ResponseOptions,
  waited: Waited,
  answered: Answered,
): Response {
  const { executionId, isReplayed } = answered;
  switch (waited.kind) {
    case "finished":
      return answer(response, outputOf(response, waited.nodes), answered);
    case "failed": {
      const { node_id, code, message } = waited.error;
      return refuse("node-failed", message, { executionId, nodeId: node_id, code, isReplayed });
    }
    case "cancelled":
      return refuse("cancelled", "an operator cancelled it", { executionId, isReplayed });
    case "timed-out":
      return refuse("timed-out", "it goes on; GET /v1/executions/{id} has its result", {
        executionId,
        isReplayed,
      });
    case "gone":
      return refuse("timed-out", "it ended long ago, and its result is no longer kept", {
        executionId,
        isReplayed,
      });
  }
}

/** Written as text, all nodes in the order of the workflow: an output is passed on as it is. */
export function outputOf(
  { mode, node_id }: Pick<ResponseOptions, "mode" | "node_id">,
  nodes: readonly NodeOutput[],
): JsonText {
  switch (mode) {
    case "minimal":
    case "lastNode":
      return lastOf(nodes)?.output ?? "null";
    case "specificNode":
      return nodes.find(({ id }) => id === node_id)?.output ?? "null";
    case "allNodes": {
      const members = nodes.map(
        ({ id, name, output }) =>
          `${JSON.stringify(id)}:{"name":${JSON.stringify(name)},"output":${output}}`,
      );
      return `{${members.join(",")}}`;
    }
  }
}

/** The node that ran last: an author may have written it anywhere. */
function lastOf(nodes: readonly NodeOutput[]): NodeOutput | null {
  let last: NodeOutput | null = null;
  for (const node of nodes) {
    if (node.turn !== null && node.turn > (last?.turn ?? -1)) last = node;
  }
  return last;
}

/** RFC 9110 §15.3.5, §15.3.6 and §15.4.5: these have no content. */
const WITHOUT_BODY = new Set([204, 205, 304]);
const IS_JSON = /^[^;]*(?:\/json|\+json)\s*(?:;|$)/i;

interface Prepared {
  headers: Headers;
  hasBody: boolean;
  /** With a type that is not JSON, a text is the whole answer: TwiML, a challenge. */
  isText: boolean;
}

/** What every answer of a workflow has, made once: this is on the way of each request. */
const prepared = new WeakMap<ResponseOptions, Prepared>();

function prepare({ status, headers: own }: ResponseOptions): Prepared {
  const headers = new Headers(own);
  const type = headers.get("content-type");
  const hasBody = !WITHOUT_BODY.has(status);
  if (!hasBody) headers.delete("content-type");
  else if (type === null) headers.set("Content-Type", "application/json");
  // The dashboard is on this origin: nothing that a workflow answers may run in it (HTML, "sandboxing").
  headers.set("Content-Security-Policy", "sandbox");
  headers.set("X-Content-Type-Options", "nosniff");
  if (!headers.has("cache-control")) headers.set("Cache-Control", "no-store");
  const isText = type !== null && !IS_JSON.test(type);
  return { headers, hasBody, isText };
}

function answer(
  options: ResponseOptions,
  json: JsonText,
  { executionId, isReplayed }: Answered,
): Response {
  let known = prepared.get(options);
  if (known === undefined) {
    known = prepare(options);
    prepared.set(options, known);
  }
  const isText = known.isText && json.startsWith('"');
  const text = isText ? (JSON.parse(json) as string) : json;
  const { status } = options;
  const response = new Response(known.hasBody ? text : null, { status, headers: known.headers });
  response.headers.set("X-Execution-Id", executionId);
  if (isReplayed) response.headers.set("Idempotency-Replayed", "true");
  return response;
}
