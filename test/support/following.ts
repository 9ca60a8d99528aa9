// A command that runs until it is ended, and what it has printed so far.
import { spawnFluxhook } from "./service.ts";

export interface Following extends Disposable {
  stdout: string;
  stderr: string;
  lines(): string[];
  signal(signal: NodeJS.Signals): void;
  exited: Promise<number>;
}

export function followed(args: readonly string[], env: Record<string, string>): Following {
  const child = spawnFluxhook(args, env);
  const following: Following = {
    stdout: "",
    stderr: "",
    lines: () => following.stdout.split("\n").filter((line) => line !== ""),
    signal: (signal) => child.kill(signal),
    exited: child.exited,
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
  const keep = async (stream: ReadableStream<Uint8Array>, name: "stdout" | "stderr") => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) following[name] += decoder.decode(chunk, { stream: true });
  };
  void keep(child.stdout, "stdout");
  void keep(child.stderr, "stderr");
  return following;
}
