// Bytes that are no text.

const MAX_DUMPED = 2_048;

/** 16 bytes a line, with what of them is ASCII. */
export function hexDump(base64: string): string {
  const bytes = Uint8Array.from(atob(base64).slice(0, MAX_DUMPED), (c) => c.charCodeAt(0));
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((b) => (b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}
