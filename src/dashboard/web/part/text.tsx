// Text that others wrote.
import type { ComponentChildren } from "preact";
import { visible } from "../visible-text.ts";

/** On one line, without leave to reorder what stands around it. */
export function Foreign({ text }: { text: string }) {
  return <bdi dir="ltr">{visible(text)}</bdi>;
}

export function Id({ text }: { text: string }) {
  return (
    <code class="id">
      <Foreign text={text} />
    </code>
  );
}

/** Host and path of a url; a link would be opened by one click, so it is none. */
export function Url({ url }: { url: string }) {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) return <Foreign text={url} />;
  const rest = parsed.pathname + parsed.search;
  return (
    <span class="url">
      <span class="muted">{parsed.protocol === "http:" ? "http://" : ""}</span>
      <strong>
        <Foreign text={parsed.host} />
      </strong>
      <Foreign text={rest === "/" ? "" : rest} />
    </span>
  );
}

export function Muted({ children }: { children: ComponentChildren }) {
  return <span class="muted">{children}</span>;
}
