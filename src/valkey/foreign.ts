// Elements that Fluxhook did not write into its lists: the keys are public, and any service can push onto
// them. Such an element is shown as foreign, and does not prevent the others from being shown.
import { isUtf8 } from "node:buffer";

/** This much of an element is shown; it may have any size. */
const MAX_SHOWN_BYTES = 4 * 1024;

export interface Foreign {
  /** Why it is foreign. */
  message: string;
  /** Size of the whole element in bytes. */
  size: number;
  /** Its first bytes as text, or in base64 if they are not UTF-8. */
  raw?: string;
  raw_base64?: string;
}

/** Parses a JSON object; returns null if the bytes are not one. */
export function readObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export function describeForeign(bytes: Buffer, expected: string): Foreign {
  const size = bytes.length;
  const message = `this element was not written by Fluxhook: it is not ${expected}`;
  if (!isUtf8(bytes)) {
    return { message, size, raw_base64: bytes.toString("base64", 0, MAX_SHOWN_BYTES) };
  }
  // A character that was cut in two became U+FFFD.
  const raw = bytes.toString("utf8", 0, MAX_SHOWN_BYTES);
  return { message, size, raw: size > MAX_SHOWN_BYTES ? raw.replace(/\ufffd+$/, "") : raw };
}
