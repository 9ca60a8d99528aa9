// Valkey's WRONGTYPE does not say which key it is about. Whoever has to repair it needs the name.
import type { Redis } from "iovalkey";

/** What Fluxhook keeps under its keys (keys.ts), by the end of their names; else it is a list. */
const KINDS: readonly [RegExp, string][] = [
  [/\}:(workers|schedule|lanes|parked|paused)$/, "zset"],
  [/\}:(scheduled|events|refs|parked-items|stats)$/, "hash"],
  [/\}:(worker|claims):[^:]+$/, "hash"],
  [/\}:idempotency:[^:]+$/, "string"],
  [/\}:(ready$|lane:)/, "list"],
  [/\}:bytes$/, "string"],
  [/^[^{}]+:webhooks:(user|org):/, "hash"],
  [/^[^{}]+:webhook-owners$/, "hash"],
  [/^[^{}]+:health:wh_/, "hash"],
  [/^[^{}]+:changes$/, "stream"],
];

export function kindOf(key: string): string | null {
  const found = KINDS.find(([pattern]) => pattern.test(key));
  if (found) return found[1];
  // Keys of a queue that are not named above say nothing; other names are a user's own list, or a log.
  return key.includes("}:") ? null : "list";
}

/** Puts the keys at fault into the error's message; leaves other errors as they are. */
export async function nameWrongKeys(client: Redis, error: unknown): Promise<void> {
  if (!(error instanceof Error) || !error.message.startsWith("WRONGTYPE Operation")) return;
  const keys = keysOf(error);
  const types = await Promise.all(keys.map((key) => client.type(key).catch(() => "none")));
  const wrong = keys.flatMap((key, at) => {
    const kind = kindOf(key);
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

function keysOf(error: Error): string[] {
  const { command } = error as { command?: FailedCommand };
  if (!command) return [];
  const args = command.args.map(String);
  switch (command.name.toLowerCase()) {
    case "eval":
    case "evalsha":
      return args.slice(2, 2 + Number(args[1]));
    case "xread":
      return args.slice(-2, -1);
    default:
      return args.slice(0, 1);
  }
}
