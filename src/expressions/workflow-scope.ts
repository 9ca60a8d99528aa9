// What the expressions of a workflow run over: the trigger's request, the results of the nodes, the
// execution's id. `trigger.data._query` is always the request's query, whatever the body says.
import { valueAt } from "../wire/json-path.ts";
import { objectMembers } from "../wire/json-spans.ts";
import type { JsonText } from "./problem.ts";
import { Scope } from "./scope.ts";

export interface ExecutionTexts {
  /** The request's body, as it came. */
  body: JsonText;
  /** By queryJson(); null where the request had no query. */
  query: JsonText | null;
  /** By headersJson(). */
  headers: JsonText;
  executionId: string;
  /** What has ended so far, by node. Read at each evaluation, so that results may be added. */
  nodes: ReadonlyMap<string, { output?: JsonText; error?: JsonText }>;
}

/** Makes the scope of one execution. The result of a node may not change once it is in `nodes`. */
export function workflowScope(texts: ExecutionTexts): Scope {
  let data: JsonText | undefined;
  return new Scope(([name, second = "", third]) => {
    if (name === "execution") return JSON.stringify(texts.executionId);
    if (name === "nodes") {
      const node = texts.nodes.get(second);
      return third === "error" ? node?.error : node?.output;
    }
    if (second === "headers") return texts.headers;
    if (third === "_query") return texts.query ?? "{}";
    return (data ??= withQuery(texts.body, texts.query));
  });
}

/**
 * Returns the body with the query in it as `_query`, in place of the body's own; everything else stays as it
 * was written. A body that is no object, or a request without a query, stays as it is.
 */
export function withQuery(body: JsonText, query: JsonText | null): JsonText {
  if (query === null || !body.trimStart().startsWith("{")) return body;
  // Most bodies have none of their own: looked for without making a list of all members.
  if (valueAt(body, ["_query"]) === null) {
    const end = body.lastIndexOf("}");
    const before = body.slice(0, end);
    return `${before}${before.trimEnd().endsWith("{") ? "" : ","}"_query":${query}${body.slice(end)}`;
  }
  let text = "";
  let done = 0;
  for (const { key, start, end } of objectMembers(body)) {
    if (key !== "_query") continue;
    text += body.slice(done, start) + query;
    done = end;
  }
  return text + body.slice(done);
}

/** Returns the query as a JSON object of texts; a parameter that comes twice is an array. */
export function queryJson(query: URLSearchParams): JsonText | null {
  const values = new Map<string, string[]>();
  for (const [name, value] of query) {
    const earlier = values.get(name);
    if (earlier === undefined) values.set(name, [value]);
    else earlier.push(value);
  }
  if (values.size === 0) return null;
  return objectJson([...values].map(([name, all]) => [name, all.length === 1 ? all[0] : all]));
}

/** Never passed on: whoever sees an execution could act as the sender. */
const SECRET_HEADER = /^(?:authorization|cookie|proxy-.*)$/;

/** `Headers`, or a map of headers whose names are in lower case. */
interface NamedTexts {
  forEach(each: (value: string, name: string) => void): void;
}

/**
 * Returns the headers as a JSON object, names in lower case, without credentials and without the signature's
 * headers; the names of these must be in lower case. Every request comes here: no list of pairs is made.
 */
export function headersJson(headers: NamedTexts, signatureHeaders: readonly string[]): JsonText {
  let members = "";
  headers.forEach((value, name) => {
    if (signatureHeaders.includes(name) || SECRET_HEADER.test(name)) return;
    if (members !== "") members += ",";
    members += `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  });
  return `{${members}}`;
}

/** Written member by member: a name such as `__proto__` is a key like any other. */
function objectJson(members: readonly (readonly [string, unknown])[]): JsonText {
  const texts = members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return `{${texts.join(",")}}`;
}
