// A binary of the version before, built from this repository's history, once.
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { tempFolder } from "../support/valkey.ts";

const ROOT = join(import.meta.dir, "../..");
/** The last commit whose scripts keep no index of parked deliveries. */
const COMMIT = "f1ba9286d08bc23010afc5df23f62f30717c5d73";

/** The path of the binary, or null without that history; `given` is one that was built elsewhere. */
export async function olderBinary(given: string | null): Promise<string | null> {
  if (given !== null) return given;
  const binary = join(ROOT, `dist/fluxhook-${COMMIT.slice(0, 8)}`);
  if (await Bun.file(binary).exists()) return binary;
  if (run(["git", "cat-file", "-e", `${COMMIT}^{commit}`], ROOT) !== null) return null;
  const folder = tempFolder("older");
  demand(run(["sh", "-c", `git archive ${COMMIT} | tar -x -C "$1"`, "sh", folder], ROOT));
  const [theirs, ours] = await Promise.all(
    [folder, ROOT].map((one) => Bun.file(join(one, "bun.lock")).text()),
  );
  if (theirs === ours) await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  else demand(run([process.execPath, "install", "--frozen-lockfile", "--silent"], folder));
  demand(run([process.execPath, "build.ts"], folder));
  await mkdir(join(ROOT, "dist"), { recursive: true });
  demand(run(["mv", join(folder, "dist/fluxhook"), binary], ROOT));
  return binary;
}

/** Null where it succeeded, else what it said. */
function run(command: string[], cwd: string): string | null {
  const { exitCode, stderr } = Bun.spawnSync(command, { cwd, stderr: "pipe" });
  return exitCode === 0 ? null : `${command.join(" ")}: ${String(stderr)}`;
}

function demand(problem: string | null): void {
  if (problem !== null) throw new Error(problem);
}
