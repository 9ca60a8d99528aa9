// Text that others wrote.
import type { ComponentChildren } from "preact";
import { visible } from "../visible-text.ts";

/** On one line, without leave to reorder what stands around it. */
export function Foreign({ text }: { text: string }) {
  return <bdi dir="ltr">{visible(text)}</bdi>;
}

export function Id({ text }: { text: string }) {
  return (
    <code class="id" title={visible(text)}>
      <Foreign text={text} />
    </code>
  );
}

/** May be broken after each slash. */
function breakable(path: string): ComponentChildren {
  return visible(path)
    .split("/")
    .map((part, at) => (at === 0 ? part : ["/", <wbr />, part]));
}

/**
 * Host and path of a url: its query and its user may hold a token, as the log leaves them out too. A link
 * would be opened by one click, so it is none.
 */
export function Url({ url }: { url: string }) {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) return <Foreign text={url} />;
  return (
    <span class="url">
      <span class="muted">{parsed.protocol === "http:" ? "http://" : ""}</span>
      <strong>
        <Foreign text={parsed.host} />
      </strong>
      <bdi dir="ltr">{parsed.pathname === "/" ? "" : breakable(parsed.pathname)}</bdi>
      {parsed.search !== "" && <span class="muted">?…</span>}
    </span>
  );
}
