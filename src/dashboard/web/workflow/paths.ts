// The paths of real data, for the menu that inserts them.

export interface DataPath {
  path: string;
  /** Its value, shortened. */
  shown: string;
}

const MAX_PATHS = 150;
const MAX_LEVELS = 4;
const MAX_SHOWN = 40;

export interface Data {
  data: unknown;
  headers: unknown;
  nodes: readonly { id: string; output: unknown }[];
}

/** Lists what expressions can name: the request first, then what the nodes gave. */
export function pathsOf({ data, headers, nodes }: Data): DataPath[] {
  const found: DataPath[] = [];
  walk(data, "trigger.data", 0, found);
  for (const { id, output } of nodes) walk(output, `nodes${member(id)}.output`, 0, found);
  walk(headers, "trigger.headers", 0, found);
  return found.slice(0, MAX_PATHS);
}

function walk(value: unknown, path: string, level: number, found: DataPath[]): void {
  if (found.length >= MAX_PATHS || value === undefined) return;
  found.push({ path, shown: shorten(JSON.stringify(value)) });
  if (typeof value !== "object" || value === null || level >= MAX_LEVELS) return;
  // A number that JSON.rawJSON keeps is an object too.
  if (Object.getPrototypeOf(value) === null) return;
  if (Array.isArray(value)) {
    if (value.length > 0) walk(value[0], `${path}[0]`, level + 1, found);
    return;
  }
  for (const [key, one] of Object.entries(value)) walk(one, path + member(key), level + 1, found);
}

function member(key: string): string {
  return /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function shorten(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
}
