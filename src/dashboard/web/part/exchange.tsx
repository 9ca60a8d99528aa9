// What an attempt sent and what was answered: heads as they were on the wire, bodies as text that nobody has
// parsed.
import type { AttemptInFull } from "../../../sdk/api-types.ts";
import { hexDump } from "../hex-dump.ts";
import { JsonText } from "./code.tsx";
import { CopyButton } from "./copy.tsx";
import { Foreign } from "./text.tsx";

type Request = NonNullable<AttemptInFull["request"]>;
type Response = NonNullable<AttemptInFull["response"]>;

const MISSING = {
  "too-large": "The body is larger than 16 KiB, and is not kept.",
  "in-flight": "The body is with the attempt that is under way. Look again in a moment.",
  "not-kept": "The body is no longer kept.",
};

export function RequestShown({ request }: { request: Request }) {
  const { is_sent, target, headers, body, body_missing, size } = request;
  const hasMask = headers.some(({ value }) => value === "***") || target?.endsWith("?***");
  return (
    <section class="exchange" aria-label="Request">
      <h3>Request</h3>
      {!is_sent && <p>No request was sent. This is what it would have carried.</p>}
      {headers.length > 0 && <Head first={`POST ${target ?? ""}`} headers={headers} />}
      {hasMask && <p class="hint">*** stands for a credential, which is not kept.</p>}
      {body === null
        ? body_missing !== null && <p class="muted">{MISSING[body_missing]}</p>
        : size !== null && (
            <>
              <p class="muted">{sizeInWords(size)}</p>
              <JsonText text={body} what="the request's body" />
            </>
          )}
    </section>
  );
}

export function ResponseShown({ response }: { response: Response }) {
  const { status, status_text, headers, is_head_cut, excerpt, excerpt_base64 } = response;
  return (
    <section class="exchange" aria-label="Response">
      <h3>Response</h3>
      <Head first={`${status} ${status_text}`.trim()} headers={headers} />
      {is_head_cut && <p class="hint">More headers came; only the first 2 KiB are kept.</p>}
      <p class="muted">{responseSize(response)}</p>
      {excerpt !== null && excerpt !== "" && <JsonText text={excerpt} what="the response's body" />}
      {excerpt_base64 !== undefined && (
        <pre tabIndex={0} class="sample" aria-label="the response's body in hexadecimal">
          {hexDump(excerpt_base64)}
        </pre>
      )}
    </section>
  );
}

function Head({ first, headers }: { first: string; headers: Request["headers"] }) {
  const text = [first, ...headers.map(({ name, value }) => `${name}: ${value}`)].join("\n");
  return (
    <div class="code">
      <pre tabIndex={0} aria-label="headers">
        <strong>
          <Foreign text={first} />
        </strong>
        {headers.map(({ name, value }) => (
          <>
            {"\n"}
            <Foreign text={name} />: <Foreign text={value} />
          </>
        ))}
      </pre>
      <CopyButton text={text} what="the headers" />
    </div>
  );
}

function responseSize({ size, is_text, is_cut }: Response): string {
  if (size === 0) return "The answer has no body.";
  const kind = is_text ? "" : ", not text";
  return `${sizeInWords(size)}${kind}${is_cut ? "; the beginning is shown" : ""}`;
}

function sizeInWords(bytes: number): string {
  return bytes === 1 ? "1 byte" : `${bytes.toLocaleString("en")} bytes`;
}
