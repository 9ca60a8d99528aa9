// Text as it is: a line to run, JSON as it was sent.
import { useState } from "preact/hooks";
import { layOutJson } from "../json-text.ts";
import { visible } from "../visible-text.ts";
import { CopyButton } from "./copy.tsx";

/** More than this would freeze the page; Copy has all of it. */
const MAX_SHOWN = 64 * 1024;

export function CodeLine({ text, what }: { text: string; what: string }) {
  return (
    <div class="code">
      <pre tabIndex={0}>{visible(text)}</pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}

interface JsonTextProps {
  text: string;
  what: string;
  /** A member of the outermost object, whose line is marked. */
  mark?: string | null;
}

export function JsonText({ text, what, mark = null }: JsonTextProps) {
  const [isRaw, setRaw] = useState(false);
  const layout = text.length > MAX_SHOWN ? { text, isJson: false } : layOutJson(text);
  const shown = isRaw ? text : layout.text;
  return (
    <div class="code">
      <pre tabIndex={0} aria-label={what}>
        {layout.isJson && !isRaw && mark !== null
          ? shown.split("\n").map((line) => <Line text={line} mark={mark} />)
          : visible(shown.slice(0, MAX_SHOWN))}
      </pre>
      <div class="actions">
        {layout.isJson && (
          <button type="button" class="quiet" onClick={() => setRaw(!isRaw)} aria-pressed={isRaw}>
            Raw
          </button>
        )}
        <CopyButton text={text} what={what} />
        {text.length > MAX_SHOWN && (
          <span class="muted">
            The first {MAX_SHOWN / 1024} KiB of {Math.ceil(text.length / 1024)} are shown; Copy
            takes all.
          </span>
        )}
      </div>
    </div>
  );
}

/** The layout indents the outermost object's members by two. */
function Line({ text, mark }: { text: string; mark: string }) {
  const isMarked = text.startsWith(`  ${JSON.stringify(mark)}: `);
  const shown = visible(`${text}\n`);
  return isMarked ? <mark>{shown}</mark> : <>{shown}</>;
}
