// One polite line for screen readers: what was done, after something was pressed.
import { signal } from "@preact/signals";

export const said = signal("");

export function say(text: string): void {
  // The same text twice would not be read twice.
  said.value = said.value === text ? `${text} ` : text;
}
