// The fields of a form, counted before they are made: 1 MiB can hold 500,000, and a signature that covers the
// fields can only be checked after they were read.

/** An object of so many names; each takes a map entry. */
export const MAX_FORM_FIELDS = 1_000;

/** Returns null if there may be more than the maximum. */
export function readFormFields(text: string): URLSearchParams | null {
  let separators = 0;
  for (let at = text.indexOf("&"); at !== -1; at = text.indexOf("&", at + 1)) {
    if (++separators >= MAX_FORM_FIELDS) return null;
  }
  return new URLSearchParams(text);
}
