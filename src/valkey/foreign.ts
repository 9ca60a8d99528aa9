// Elements of Fluxhook's lists that Fluxhook did not write: the keys are public, and any service can
// push onto them. They are shown as what they are, and never keep the others from being shown.
import { isUtf8 } from "node:buffer";

/** What is shown of one; the rest is cut off, for it may be of any size. */
const MAX_SHOWN_BYTES = 4 * 1024;

export interface Foreign {
  /** Why it is none of Fluxhook's. */
  message: string;
  /** Bytes of the whole element. */
  size: number;
  /** Its beginning as text, or in base64 where it is not UTF-8. */
  raw?: string;
  raw_base64?: string;
}

/** The object in a JSON text, or null where the bytes are none. */
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
  // A character that is cut in two would become U+FFFD.
  const raw = bytes.toString("utf8", 0, MAX_SHOWN_BYTES);
  return { message, size, raw: size > MAX_SHOWN_BYTES ? raw.replace(/\ufffd+$/, "") : raw };
}
