// The API's reference, made from the document that the API itself is made from; and each route to try,
// with the session that is open.
import { useState } from "preact/hooks";
import { urlOf } from "../boot.ts";
import { refusedOf } from "../client.ts";
import { useLoad } from "../load.ts";
import {
  fieldRows,
  operationsByTag,
  schemaIn,
  typeInWords,
  type OpenApi,
  type Operation,
  type Parameter,
  type Schema,
} from "../openapi.ts";
import { Trouble, Waiting } from "../part/notice.tsx";
import { Page } from "../part/page.tsx";
import { TryIt } from "../part/try-it.tsx";

export function DocsPage() {
  const { data, refused, reload } = useLoad("openapi", async (signal): Promise<OpenApi> => {
    const response = await fetch(urlOf("/openapi.json"), { signal }).catch((error: unknown) => {
      throw refusedOf(error);
    });
    return (await response.json()) as OpenApi;
  });
  const [search, setSearch] = useState("");
  return (
    <Page title="API">
      <p>
        Version {data?.info.version ?? "…"}, as <a href="./openapi.json">openapi.json</a> describes
        it. Send <code>Authorization: Bearer &lt;token&gt;</code>.
      </p>
      {refused && <Trouble refused={refused} again={reload} />}
      {data === undefined && refused === null && <Waiting what="the description of the API" />}
      {data && (
        <>
          <input
            type="search"
            data-search
            aria-label="Search routes"
            placeholder="Search routes"
            value={search}
            onInput={({ currentTarget }) => setSearch(currentTarget.value)}
          />
          {[...operationsByTag(data)].map(([tag, operations]) => (
            <Tag tag={tag} operations={operations} document={data} search={search} />
          ))}
        </>
      )}
    </Page>
  );
}

/** The document's texts are Markdown, of which they use the backticks. */
function Prose({ text = "" }: { text?: string }) {
  return text.split("`").map((part, at) => (at % 2 === 1 ? <code>{part}</code> : part));
}

function Described({ text }: { text?: string }) {
  return text ? (
    <>
      : <Prose text={text} />
    </>
  ) : null;
}

interface TagProps {
  tag: string;
  operations: Operation[];
  document: OpenApi;
  search: string;
}

function Tag({ tag, operations, document, search }: TagProps) {
  const shown = operations.filter(({ method, path, summary }) =>
    `${method} ${path} ${summary}`.toLowerCase().includes(search.toLowerCase()),
  );
  if (shown.length === 0) return null;
  return (
    <section>
      <h2 class="tag">{tag}</h2>
      {shown.map((operation) => (
        <Route key={operation.method + operation.path} operation={operation} document={document} />
      ))}
    </section>
  );
}

interface RouteProps {
  operation: Operation;
  document: OpenApi;
}

function Route({ operation, document }: RouteProps) {
  const { method, path, summary } = operation;
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="attempt" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary data-row>
        <code class="method">{method}</code>
        <code class="event">{path}</code>
        <span class="muted grow">
          <Prose text={summary} />
        </span>
      </summary>
      {isOpen && <Opened operation={operation} document={document} />}
    </details>
  );
}

function Opened({ operation, document }: RouteProps) {
  const { description, parameters = [], requestBody, responses, security } = operation;
  const body = schemaIn(requestBody);
  const answers = Object.entries(responses);
  const [, success] = answers.find(([status]) => status.startsWith("2")) ?? [];
  const answer = schemaIn(success);
  return (
    <div class="opened">
      {description && (
        <p>
          <Prose text={description} />
        </p>
      )}
      {security?.length === 0 && <p>Needs no token.</p>}
      {parameters.length > 0 && <Parameters parameters={parameters} document={document} />}
      {body && <Fields title="Request body" schema={body} document={document} />}
      {answer && <Fields title="Response body" schema={answer} document={document} />}
      <h3>Responses</h3>
      <dl class="facts">
        {answers.map(([status, response]) => (
          <div>
            <dt>{status}</dt>
            <dd>
              <Prose text={response.description} />
            </dd>
          </div>
        ))}
      </dl>
      <TryIt operation={operation} document={document} />
    </div>
  );
}

function Parameters({ parameters, document }: { parameters: Parameter[]; document: OpenApi }) {
  return (
    <>
      <h3>Parameters</h3>
      <dl class="facts">
        {parameters.map(({ name, in: place, required, description, schema = {} }) => (
          <div>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              {required ? "required, " : ""}
              {place}, {typeInWords(schema, document)}
              <Described text={description ?? schema.description} />
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

interface FieldsProps {
  title: string;
  schema: Schema;
  document: OpenApi;
}

function Fields({ title, schema, document }: FieldsProps) {
  const rows = fieldRows(schema, document);
  if (rows.length === 0) return null;
  return (
    <details>
      <summary>{title}</summary>
      <dl class="facts">
        {rows.map(({ name, depth, isRequired, schema: inner }) => (
          <div data-depth={depth}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd>
              {isRequired && title === "Request body" ? "required, " : ""}
              {typeInWords(inner, document)}
              {inner.default !== undefined && `, ${JSON.stringify(inner.default)} where missing`}
              <Described text={inner.description} />
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
