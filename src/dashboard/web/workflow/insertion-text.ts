// The text of an expression where it is inserted. Apart from the page, so that it can be tested without one.

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
