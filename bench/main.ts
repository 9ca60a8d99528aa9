// `bun run bench`: every benchmark, each in a fresh process.
import { join } from "node:path";

for (const name of ["throughput", "start-up"]) {
  console.log(`--- ${name}`);
  const { exitCode } = Bun.spawnSync([process.execPath, join(import.meta.dir, `${name}.ts`)], {
    stdout: "inherit",
    stderr: "inherit",
  });
  if (exitCode !== 0) process.exit(exitCode);
}
