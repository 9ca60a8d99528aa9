// Reads a secret setting from the file that `FLUXHOOK_<name>_FILE` names, where Docker and Kubernetes mount
// secrets. Guarantee 9: no error contains the file's content.
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { quoted } from "./forms.ts";

/** More than any secret needs; without a maximum, a wrong path could fill the memory. */
const MAX_FILE_BYTES = 64 * 1024;

export type SettingFile = { ok: true; text: string } | { ok: false; problem: string };

/** Returns the file's text without trailing line ends. Errors name `variable` and the path. */
export function readSettingFile(variable: string, path: string): SettingFile {
  const problem = (what: string) => ({
    ok: false as const,
    problem: `${variable} names ${quoted(path)}, ${what}`,
  });
  let bytes: Uint8Array;
  try {
    // A pipe or a device may never end, and is empty when it is read again.
    if (!statSync(path).isFile()) return problem("which is not a file");
    bytes = readUpTo(path, MAX_FILE_BYTES + 1);
  } catch (error) {
    const { code = String(error) } = error as { code?: string };
    return problem(`which cannot be read (${code}); check the path and its permissions`);
  }
  if (bytes.length > MAX_FILE_BYTES) {
    return problem(`which has more than ${MAX_FILE_BYTES} bytes; no setting is that long`);
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/[\r\n]+$/, "");
    return text === "" ? problem("which is empty") : { ok: true, text };
  } catch {
    return problem("which is not UTF-8 text");
  }
}

function readUpTo(path: string, maxBytes: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(maxBytes);
    let length = 0;
    while (length < maxBytes) {
      const read = readSync(file, bytes, length, maxBytes - length, null);
      if (read === 0) break;
      length += read;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
