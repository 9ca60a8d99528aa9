// `bun bench/expressions/measure.ts`: builds measured.ts as the product is built, runs the binary, prints what
// expressions cost in it, and by how much they make a binary larger.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = await mkdtemp(join(tmpdir(), "fluxhook-expressions-"));

async function build(name: string, entry: string): Promise<string> {
  const outfile = join(folder, name);
  // As build.ts builds the product.
  const { success, logs } = await Bun.build({
    entrypoints: [entry],
    compile: { outfile },
    minify: { whitespace: true, syntax: true, identifiers: false },
    sourcemap: "linked",
    bytecode: true,
    format: "esm",
  });
  if (!success) throw new AggregateError(logs, `${entry} does not build`);
  return outfile;
}

try {
  const empty = join(folder, "empty.ts");
  await Bun.write(empty, "console.log(1);\n");
  const binary = await build("measured", join(import.meta.dir, "measured.ts"));
  const addedKb = (Bun.file(binary).size - Bun.file(await build("empty", empty)).size) / 1_024;
  const { stdout } = Bun.spawnSync([binary]);
  console.table({
    ...(JSON.parse(stdout.toString()) as Record<string, number>),
    "added to a binary, kB": Math.round(addedKb),
  });
} finally {
  await rm(folder, { recursive: true });
}
