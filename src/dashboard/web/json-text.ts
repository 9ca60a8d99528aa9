// Lays JSON out for reading without reading it: white space between tokens is replaced, and nothing
// else. Numbers keep their digits, keys their order, duplicates stay (12345678901234567890, 1.0).

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gs;

export interface Layout {
  text: string;
  /** False: it was no JSON, and `text` is the input. */
  isJson: boolean;
}

export function layOutJson(input: string): Layout {
  try {
    JSON.parse(input);
  } catch {
    return { text: input, isJson: false };
  }
  const lines: string[] = [];
  let line = "";
  let depth = 0;
  const breakLine = () => {
    lines.push(line);
    line = "  ".repeat(depth);
  };
  let previous = "";
  for (const [token] of input.matchAll(TOKEN)) {
    const isClosing = token === "}" || token === "]";
    if (isClosing) {
      depth -= 1;
      if (previous !== "{" && previous !== "[") breakLine();
    } else if (previous === "{" || previous === "[" || previous === ",") breakLine();
    line += token === ":" ? ": " : token;
    if (token === "{" || token === "[") depth += 1;
    previous = token;
  }
  lines.push(line);
  return { text: lines.join("\n"), isJson: true };
}
