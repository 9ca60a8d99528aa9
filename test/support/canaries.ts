// Secrets that a test plants and looks for afterwards: as they are and in every form that a text may
// carry them in.
import { randomBytes } from "node:crypto";

/** One that is in no other text by chance, made of letters and digits. */
export function canary(name: string): string {
  return `canary${name}${randomBytes(12).toString("hex")}`;
}

export interface Leak {
  /** Which canary. */
  name: string;
  form: string;
  /** Where it was found. */
  where: string;
}

export class Canaries {
  private readonly forms: { name: string; form: string; text: string }[] = [];

  add(name: string, value: string): string {
    for (const [form, text] of formsOf(value)) this.forms.push({ name, form, text });
    return value;
  }

  /** All that is found in a text, but for the canaries that may be there. */
  leaksIn(where: string, text: string, mayHold: readonly string[] = []): Leak[] {
    const folded = text.toLowerCase();
    return this.forms
      .filter(
        ({ name, form, text: wanted }) =>
          !mayHold.includes(name) &&
          // Hex is read in either case; of a secret the case is half of it.
          (form === "hex" ? folded.includes(wanted) : text.includes(wanted)),
      )
      .map(({ name, form }) => ({ name, form, where }));
  }
}

function formsOf(value: string): [form: string, text: string][] {
  const bytes = Buffer.from(value);
  // What a whsec_ secret or a key in base64 stands for is as good as its text.
  const base64 = value.replace(/^whsec_/, "");
  const decoded = Buffer.from(base64, "base64");
  const stands = decoded.toString("base64") === base64 ? decoded : bytes;
  return [
    ["raw", value],
    ["without its prefix", base64],
    ["in JSON", JSON.stringify(value).slice(1, -1)],
    ["URL-encoded", encodeURIComponent(value)],
    ["hex", bytes.toString("hex")],
    ["hex", stands.toString("hex")],
    ...[0, 1, 2].flatMap((shift): [string, string][] => [
      ["base64", base64Inside(bytes, shift)],
      ["base64url", base64Inside(bytes, shift).replaceAll("+", "-").replaceAll("/", "_")],
    ]),
  ];
}

/** The characters that stand in any base64 of a text with these bytes `shift` places after a multiple of 3. */
function base64Inside(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .replace(/=+$/, "");
  // The first and the last ones carry bits of the neighbours too.
  return text.slice(shift === 0 ? 0 : shift + 1, -1);
}
