// Inserts an expression at the cursor of a field, so that what the field holds stays what it has to be.

import { insertionFor } from "./insertion-text.ts";

/** Does nothing without a field. */
export function insertPath(
  field: HTMLInputElement | HTMLTextAreaElement | null,
  path: string,
): void {
  if (field === null || path === "") return;
  const start = field.selectionStart ?? field.value.length;
  const end = field.selectionEnd ?? start;
  field.setRangeText(
    insertionFor(field.dataset.template ?? "text", field.value, start, path),
    start,
    end,
    "end",
  );
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  field.focus();
}
