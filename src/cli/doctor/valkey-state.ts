// The connection that the checks share, and the result of INFO, read once.
import { Link } from "../../valkey/connection/link.ts";
import { printable } from "../../wire/printable.ts";
import { redact } from "../../wire/redact.ts";

export interface ValkeyUp {
  isUp: true;
  link: Link;
  info: ServerInfo;
  pingMs: number;
}
export type ValkeyState = ValkeyUp | { isUp: false; why: string };

/** Longer than one connection attempt, so that its own error is reported. */
const CONNECT_WITHIN_MS = 4_000;
/** After its first problem a connection gets this long to succeed after all. */
const SECOND_CHANCE_MS = 300;
const ANSWER_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 20;

export async function connectValkey(url: string): Promise<ValkeyState & { close(): void }> {
  const link = new Link({ url, name: "fluxhook-doctor", deadlineMs: ANSWER_WITHIN_MS });
  const untried = link.lastProblem;
  link.open();
  const giveUpAt = performance.now() + CONNECT_WITHIN_MS;
  // StoreLink does not report a first failure, because for other users it is one of many.
  while (!link.isUp && link.lastProblem === untried && performance.now() < giveUpAt) {
    await Bun.sleep(LOOK_EVERY_MS);
  }
  if (!link.isUp) await Promise.race([link.whenUp(), Bun.sleep(SECOND_CHANCE_MS)]);
  const close = () => link.close();
  if (!link.isUp) {
    return { isUp: false, why: printable(redact(link.lastProblem)), close };
  }
  try {
    const started = performance.now();
    await link.run((client) => client.ping());
    const pingMs = performance.now() - started;
    const text = await unlessRefused(link.run((client) => client.info()));
    return { isUp: true, link, info: new ServerInfo(text ?? ""), pingMs, close };
  } catch (error) {
    return { isUp: false, why: printable(redact(String(error))), close };
  }
}

/** The fields of INFO, `name:value` to a line. */
export class ServerInfo {
  private readonly fields = new Map<string, string>();

  constructor(text: string) {
    for (const line of text.split(/\r?\n/)) {
      const colon = line.indexOf(":");
      if (colon > 0 && !line.startsWith("#"))
        this.fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
  }

  /** Returns null if the server does not report it. */
  text(name: string): string | null {
    return this.fields.get(name) ?? null;
  }

  number(name: string): number | null {
    const text = this.text(name);
    return text !== null && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
  }
}

/** Returns one value of the server's configuration; null if this user may not read it. */
export async function readConfig({ link }: ValkeyUp, name: string): Promise<string | null> {
  const pair = await unlessRefused(link.run((client) => client.config("GET", name)));
  return (pair as string[] | null)?.[1] ?? null;
}

/** An ACL may deny INFO and CONFIG, and managed services remove CONFIG: that is not a fault. */
async function unlessRefused<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    // The first word of an error reply is its code.
    if (error instanceof Error && /^(NOPERM|ERR unknown command)/.test(error.message)) return null;
    throw error;
  }
}
