// Valkey's WRONGTYPE does not say which key it is about. Whoever has to repair it needs the name.
import type { Redis } from "iovalkey";

/** What Fluxhook keeps under its keys (keys.ts), by the end of their names; else it is a list. */
const KINDS: readonly [RegExp, string][] = [
  [/\}.*:(workers|schedule|lanes|parked|paused)$/, "zset"],
  [/\}.*:(scheduled|events|refs|parked-items|stats)$/, "hash"],
  [/\}.*:(worker|claims):[^:]+$/, "hash"],
  [/\}.*:idempotency:[^:]+$/, "string"],
  [/\}.*:(ready|lane:[^:]+)$/, "list"],
  [/\}:bytes$/, "string"],
  [/^[^{}]+:webhooks:(user|org):/, "hash"],
  [/^[^{}]+:webhook-owners$/, "hash"],
  [/^[^{}]+:health:wh_/, "hash"],
  [/^[^{}]+:changes$/, "stream"],
];

/** `beside` are the other keys of the script. Null: nothing is said of such a key. */
export function kindOf(key: string, beside: readonly string[] = []): string | null {
  // A queue may be called `{orders}:events`; its other keys begin with its name then.
  if (beside.some((other) => other.startsWith(`${key}:`))) return "list";
  const found = KINDS.find(([pattern]) => pattern.test(key));
  if (found) return found[1];
  return key.includes("}:") ? null : "list";
}

/** Of a plain command, by the letter that the commands of each type begin with. */
const TAKEN: Record<string, string> = {
  b: "list",
  l: "list",
  r: "list",
  h: "hash",
  x: "stream",
  z: "zset",
};

/** Puts the keys at fault into the error's message; leaves other errors as they are. */
export async function nameWrongKeys(client: Redis, error: unknown): Promise<void> {
  if (!(error instanceof Error) || !error.message.startsWith("WRONGTYPE Operation")) return;
  const { command: failed } = error as { command?: FailedCommand };
  if (!failed) return;
  const command = { name: failed.name.toLowerCase(), args: failed.args };
  const keys = keysOf(command);
  const types = await Promise.all(keys.map((key) => client.type(key).catch(() => "none")));
  const wrong = keys.flatMap((key, at) => {
    const kind = isScript(command)
      ? kindOf(key, keys)
      : (TAKEN[command.name.charAt(0)] ?? "string");
    const type = types[at];
    if (kind === null || type === undefined || type === "none" || type === kind) return [];
    return [`the key ${key} is a ${type}, not a ${kind}`];
  });
  if (wrong.length > 0) error.message = `WRONGTYPE ${wrong.join("; ")}`;
}

interface FailedCommand {
  name: string;
  args: readonly unknown[];
}

function isScript({ name }: FailedCommand): boolean {
  return name === "evalsha" || name === "eval";
}

function keysOf(command: FailedCommand): string[] {
  const args = command.args.map(String);
  if (isScript(command)) return args.slice(2, 2 + Number(args[1]));
  return command.name === "xread" ? args.slice(-2, -1) : args.slice(0, 1);
}
