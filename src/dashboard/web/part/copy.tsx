// A button that copies. Without the clipboard (plain http, or a frame without leave) the text is selected
// and the reader is told which keys copy it.
import { Check, Copy } from "lucide";
import { useRef, useState } from "preact/hooks";
import { useAction } from "../load.ts";
import { say } from "../said.ts";
import { Icon } from "./icon.tsx";
import { Trouble } from "./notice.tsx";

const DONE_FOR_MS = 2_000;

interface CopyProps {
  /** Text, or how to get it. */
  text: string | (() => Promise<string>);
  /** What it is: "the secret". */
  what: string;
  label?: string;
}

export function CopyButton({ text, what, label = "Copy" }: CopyProps) {
  const [isDone, setDone] = useState(false);
  const [byHand, setByHand] = useState<string | null>(null);
  const copy = useAction(async () => {
    const content = typeof text === "string" ? text : await text();
    try {
      await navigator.clipboard.writeText(content);
    } catch {
      setByHand(content);
      return;
    }
    setDone(true);
    say(`Copied ${what}`);
    setTimeout(() => setDone(false), DONE_FOR_MS);
  });
  return (
    <>
      <button
        type="button"
        class="quiet"
        onClick={copy.run}
        aria-label={label === "Copy" ? `${label} ${what}` : label}
      >
        <Icon of={isDone ? Check : Copy} />
        {isDone ? "Copied" : label}
      </button>
      {byHand !== null && <Selected text={byHand} />}
      {copy.refused && <Trouble refused={copy.refused} />}
    </>
  );
}

function Selected({ text }: { text: string }) {
  const field = useRef<HTMLTextAreaElement | null>(null);
  return (
    <label class="by-hand">
      This page may not use the clipboard here. Press Ctrl+C (⌘C) to copy:
      <textarea
        readOnly
        rows={2}
        value={text}
        ref={(element) => {
          if (field.current === null) element?.select();
          field.current = element;
        }}
      />
    </label>
  );
}
