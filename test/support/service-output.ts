// A service whose output is kept byte for byte, for tests of the log lines themselves.
import { join } from "node:path";
import { runOnProcessDeath } from "../../src/local-valkey/on-process-death.ts";
import { eventually } from "./eventually.ts";
import { API_TOKEN, type ServiceOptions } from "./service.ts";

export interface RecordedService extends AsyncDisposable {
  url: string;
  /** Standard output and error so far, as text that holds every byte. */
  output: () => string;
  /** SIGTERM, and waits until all is written. */
  stop(): Promise<string>;
}

export async function recordService({
  valkeyUrl,
  prefix,
  env,
}: ServiceOptions): Promise<RecordedService> {
  const binary = process.env.FLUXHOOK_TEST_BINARY;
  const main = join(import.meta.dir, "../../src/main.ts");
  const child = Bun.spawn([...(binary ? [binary] : [process.execPath, main]), "serve"], {
    env: {
      PATH: process.env.PATH,
      FLUXHOOK_VALKEY_URL: valkeyUrl,
      FLUXHOOK_PREFIX: prefix,
      FLUXHOOK_PORT: "0",
      FLUXHOOK_API_TOKEN: API_TOKEN,
      FLUXHOOK_EGRESS_ALLOW: "127.0.0.0/8",
      FLUXHOOK_LOG_LEVEL: "debug",
      ...env,
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const onDeath = runOnProcessDeath('kill -9 "$1" 2>/dev/null', String(child.pid));
  let output = "";
  const allRead = Promise.all(
    [child.stdout, child.stderr].map(async (stream) => {
      const decoder = new TextDecoder("utf-8", { fatal: true });
      for await (const chunk of stream) output += decoder.decode(chunk, { stream: true });
    }),
  );
  const ended = Promise.all([child.exited, allRead]).finally(() => onDeath.cancel());
  const url = await eventually(() => /"url":"([^"]+)"/.exec(output)?.[1] ?? null);
  return {
    url,
    output: () => output,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return output;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
