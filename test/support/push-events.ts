// A producer in another process: valkey-cli, one command for each element, byte for byte.
import { locateValkey } from "../../src/local-valkey/locate.ts";

export type Element = string | Uint8Array;

/** Pushes in the order given: the first is the oldest. `RPUSH` is for FLUXHOOK_CLAIM=blpop. */
export async function pushEvents(
  valkeyUrl: string,
  queue: string,
  elements: readonly Element[],
  command: "LPUSH" | "RPUSH" = "LPUSH",
): Promise<void> {
  const install = await locateValkey();
  // RESP on stdin is the one way into valkey-cli that takes every byte, NUL and line feed included.
  const cli = Bun.spawn([install.cliPath ?? "valkey-cli", "-u", valkeyUrl, "--pipe"], {
    env: { ...process.env, ...install.env },
    stdin: Buffer.concat(elements.map((element) => resp([command, queue, element]))),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [exitCode, said, complaint] = await Promise.all([
    cli.exited,
    cli.stdout.text(),
    cli.stderr.text(),
  ]);
  if (exitCode !== 0 || !said.includes(`errors: 0, replies: ${elements.length}`)) {
    throw new Error(`valkey-cli pushed not all of ${elements.length}: ${said}${complaint}`);
  }
}

function resp(words: readonly Element[]): Buffer {
  const parts = words.flatMap((word) => {
    const bytes = Buffer.from(word);
    return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
  });
  return Buffer.concat([Buffer.from(`*${words.length}\r\n`), ...parts]);
}
