// Adds the key's name to Valkey's WRONGTYPE error, which does not contain it: the operator needs it for the
// repair.
import type { Redis } from "iovalkey";

/** The type of each key of Fluxhook (keys.ts), by the end of its name; any other key is a list. */
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

/** Returns the type that a key must have; null if it is unknown. `beside`: all keys of the script. */
export function kindOf(key: string, beside: readonly string[] = []): string | null {
  // A queue may be called `{orders}:events`: then the names of its other keys begin with its own.
  if (beside.some((other) => other.startsWith(`${key}:`))) return "list";
  const found = KINDS.find(([pattern]) => pattern.test(key));
  if (found) return found[1];
  return key.includes("}:") ? null : "list";
}

/** First letter of a command → the type of key that it needs. */
const TAKEN: Record<string, string> = {
  b: "list",
  l: "list",
  r: "list",
  h: "hash",
  x: "stream",
  z: "zset",
};

/** Adds the keys of a wrong type to the message of a WRONGTYPE error. Leaves other errors unchanged. */
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
