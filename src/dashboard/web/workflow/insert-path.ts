// Inserts an expression at the cursor of a field, so that what the field holds stays what it has to be.

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

/** In JSON outside of a text it needs quotes; a path's own quotes are escaped in a text of JSON. */
export function insertionFor(kind: string, value: string, at: number, path: string): string {
  if (kind === "text") return `{{${path}}}`;
  const escaped = JSON.stringify(`{{${path}}}`);
  return isInText(value.slice(0, at)) ? escaped.slice(1, -1) : escaped;
}

function isInText(before: string): boolean {
  const quotes = before.replaceAll(/\\./gs, "").split('"').length - 1;
  return quotes % 2 === 1;
}
