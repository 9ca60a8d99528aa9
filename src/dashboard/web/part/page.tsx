// The frame of every page: its title, which takes the focus when the page opens, and what can be done.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { config } from "../boot.ts";
import { visible } from "../visible-text.ts";

interface PageProps {
  title: string;
  /** Shown in place of the title, which stays for the tab. */
  heading?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

let isFirst = true;

export function Page({ title, heading, actions, children }: PageProps) {
  const h1 = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // A reader of the screen hears where a link has led; at the start the document itself says it.
    if (!isFirst) h1.current?.focus();
    isFirst = false;
  }, []);
  useEffect(() => {
    document.title = `${visible(title)} · ${config.name}`;
  }, [title]);
  return (
    <main id="main">
      <div class="head">
        <h1 ref={h1} tabIndex={-1}>
          {heading ?? title}
        </h1>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </main>
  );
}
