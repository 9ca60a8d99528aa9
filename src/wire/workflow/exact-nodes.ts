// Keeps the JSON that authors write into nodes as it was written: 1.10 stays 1.10, and integers beyond 2^53 keep
// their digits.
import { parseExactJson } from "../exact-json.ts";
import { valueAt } from "../json-path.ts";

/** The fields of nodes that hold any JSON. */
const JSON_FIELDS = ["value", "body", "input", "data"] as const;

/** `text` is the document that the nodes were read from; it must have passed JSON.parse. */
export function exactNodes<Node>(nodes: readonly Node[], text: string): Node[] {
  return nodes.map((node, at) => {
    if (typeof node !== "object" || node === null) return node;
    const exact: Record<string, unknown> = {};
    for (const field of JSON_FIELDS) {
      if (!(field in node)) continue;
      const written = valueAt(text, ["nodes", at, field]);
      if (written !== null) exact[field] = parseExactJson(written);
    }
    return { ...node, ...exact };
  });
}
