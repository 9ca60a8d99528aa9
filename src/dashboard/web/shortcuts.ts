// Keys. Those of one letter can be switched off (WCAG 2.2, 2.1.4), and do nothing while somebody types.
import { signal } from "@preact/signals";
import { go, hashOf } from "./route.ts";
import { keep, readKept } from "./theme.ts";

export interface Destination {
  path: string;
  title: string;
  /** `g`, then this. */
  key: string;
}

const KEY = "fluxhook:shortcuts";
const SECOND_KEY_MS = 1_500;

export const areOn = signal(readKept(KEY, ["on", "off"]) !== "off");
export const isHelpOpen = signal(false);

export function switchShortcuts(on: boolean): void {
  areOn.value = on;
  keep(KEY, on ? "on" : "off");
}

/** Returns the function that ends it. */
export function listenForKeys(destinations: readonly Destination[]): () => void {
  let goUntilMs = 0;
  function onKey(event: KeyboardEvent): void {
    if (!areOn.value || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.timeStamp < goUntilMs) {
      goUntilMs = 0;
      const destination = destinations.find(({ key }) => key === event.key);
      if (destination) act(event, () => go(hashOf(destination.path)));
      return;
    }
    switch (event.key) {
      case "g":
        goUntilMs = event.timeStamp + SECOND_KEY_MS;
        break;
      case "/":
        act(event, () => focusFirst("#main [data-search]", "[data-search]"));
        break;
      case "f":
        act(event, () => focusFirst("header [data-search]"));
        break;
      case "?":
        act(event, () => (isHelpOpen.value = true));
        break;
      case "j":
        act(event, () => moveRow(1));
        break;
      case "k":
        act(event, () => moveRow(-1));
        break;
    }
  }
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}

function act(event: KeyboardEvent, what: () => void): void {
  event.preventDefault();
  what();
}

function focusFirst(...selectors: string[]): void {
  const found = selectors.map((selector) => document.querySelector<HTMLElement>(selector));
  found.find((element) => element !== null)?.focus();
}

/** Rows are links or buttons, so Enter opens the one that has the focus. */
function moveRow(step: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = at < 0 ? (step === 1 ? 0 : rows.length - 1) : at + step;
  rows[next]?.focus();
}

function isTyping({ target }: KeyboardEvent): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select") !== null;
}
