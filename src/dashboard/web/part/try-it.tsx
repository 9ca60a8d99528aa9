// One route of the API's reference to try, with the session that is open, and the curl line that does the same.
import { useState } from "preact/hooks";
import { urlOf } from "../boot.ts";
import { exchange } from "../client.ts";
import { useAction } from "../load.ts";
import { sampleOf, schemaIn, type OpenApi, type Operation, type Parameter } from "../openapi.ts";
import { shellQuoted } from "../push-text.ts";
import { session } from "../session.ts";
import { CodeLine, JsonText } from "./code.tsx";
import { Trouble } from "./notice.tsx";

interface Answered {
  status: number;
  text: string;
  etag: string | null;
}

interface TryItProps {
  operation: Operation;
  document: OpenApi;
}

export function TryIt({ operation, document }: TryItProps) {
  const { method, parameters = [], requestBody } = operation;
  const schema = schemaIn(requestBody);
  const [values, setValues] = useState<Record<string, string>>({});
  const [body, setBody] = useState(
    schema ? JSON.stringify(sampleOf(schema, document), null, 2) : "",
  );
  const [answer, setAnswer] = useState<Answered | null>(null);
  const path = pathWith(operation.path, parameters, values);
  const headers = headersIn(parameters, values);
  const mayCall = session.value?.readOnly !== true || onlyReads(operation, values, body);
  const send = useAction(async () => {
    setAnswer(await exchange(method, path, schema ? body : undefined, { headers }));
  });
  if (isStream(operation)) {
    return (
      <>
        <h3>Try it</h3>
        <p>It is a stream that does not end. Read it in a terminal:</p>
        <CodeLine
          text={curlLine(method, path, null, headers).replace("curl", "curl -N")}
          what="the curl line"
        />
      </>
    );
  }
  return (
    <form
      class="inset"
      onSubmit={(event) => {
        event.preventDefault();
        send.run();
      }}
    >
      <h3>Try it</h3>
      {parameters.map(({ name, required }) => (
        <label class="inline">
          {name}
          <input
            type="text"
            spellcheck={false}
            required={required}
            value={values[name] ?? ""}
            onInput={({ currentTarget }) => setValues({ ...values, [name]: currentTarget.value })}
          />
        </label>
      ))}
      {schema && (
        <label>
          Body
          <textarea
            rows={6}
            spellcheck={false}
            value={body}
            onInput={({ currentTarget }) => setBody(currentTarget.value)}
          />
        </label>
      )}
      <CodeLine text={curlLine(method, path, schema ? body : null, headers)} what="the curl line" />
      {mayCall ? (
        <button
          type="submit"
          class={method === "GET" ? "primary" : "danger"}
          disabled={send.isRunning}
        >
          {method === "GET" ? "Send" : `Send: this does what it says, with your session`}
        </button>
      ) : (
        <p class="muted">Your session is read-only, and this route changes something.</p>
      )}
      {send.refused && <Trouble refused={send.refused} />}
      {answer && (
        <div role="status">
          <p>
            Answered <strong>{answer.status}</strong>
            {answer.etag !== null && (
              <>
                , <code>ETag: {answer.etag}</code>
              </>
            )}
          </p>
          {answer.text !== "" && <JsonText text={answer.text} what="the answer" />}
        </div>
      )}
    </form>
  );
}

function pathWith(
  template: string,
  parameters: readonly Parameter[],
  values: Record<string, string>,
): string {
  const path = template.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) =>
    values[name] ? encodeURIComponent(values[name]) : placeholder,
  );
  const query = new URLSearchParams();
  for (const { name, in: place } of parameters) {
    const value = values[name];
    if (place === "query" && value) query.set(name, value);
  }
  return query.size === 0 ? path : `${path}?${query}`;
}

/** The headers that the form has; `if-match` as `If-Match`. */
function headersIn(
  parameters: readonly Parameter[],
  values: Record<string, string>,
): Record<string, string> {
  const given = parameters.filter(({ name, in: place }) => place === "header" && values[name]);
  return Object.fromEntries(
    given.map(({ name }) => [
      name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase()),
      values[name] ?? "",
    ]),
  );
}

/** As the API decides it for a read-only token. */
function onlyReads(operation: Operation, values: Record<string, string>, body: string): boolean {
  if (operation.method === "GET" || operation.security !== undefined) return true;
  switch (operation["x-fluxhook-access"]) {
    case "reads":
      return true;
    case "reads-with-dry-run-in-query":
      return values.dry_run === "true";
    case "reads-with-dry-run-in-body":
      return /"dry_run"\s*:\s*true/.test(body);
    case undefined:
      return false;
  }
}

function isStream({ responses }: Operation): boolean {
  return "text/event-stream" in (responses["200"]?.content ?? {});
}

function curlLine(
  method: string,
  path: string,
  body: string | null,
  headers: Record<string, string>,
): string {
  const parts = ["curl", ...(method === "GET" ? [] : ["-X", method])];
  parts.push('-H "Authorization: Bearer $FLUXHOOK_API_TOKEN"');
  for (const [name, value] of Object.entries(headers)) {
    parts.push(`-H ${shellQuoted(`${name}: ${value}`)}`);
  }
  if (body !== null) parts.push("-H 'Content-Type: application/json'", `-d ${shellQuoted(body)}`);
  parts.push(shellQuoted(urlOf(path)));
  return parts.join(" ");
}
