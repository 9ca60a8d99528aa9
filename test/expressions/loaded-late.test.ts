// The engine takes 12 MB of memory: a process without expressions must not load it.
import { expect, test } from "bun:test";
import { join } from "node:path";

const SRC = join(import.meta.dir, "../../src");
const transpiler = new Bun.Transpiler({ loader: "ts" });

/** The files and packages that are loaded with `entry`: what is imported, but not by `import()`. */
async function loadedWith(entry: string): Promise<string[]> {
  const loaded = new Set([entry]);
  for (const path of loaded) {
    if (!path.endsWith(".ts")) continue;
    for (const imported of transpiler.scanImports(await Bun.file(path).text())) {
      if (imported.kind !== "import-statement") continue;
      const isFile = imported.path.startsWith(".");
      loaded.add(isFile ? join(path, "..", imported.path) : imported.path);
    }
  }
  return [...loaded];
}

test("neither the expressions nor their library are loaded at the start", async () => {
  const engine = await loadedWith(join(SRC, "expressions/filter.ts"));
  expect(engine).toContain("@marcbachmann/cel-js");

  // The commands load what they need themselves.
  for (const entry of [
    "main.ts",
    "service/service.ts",
    "service/open-worker.ts",
    "control/webhooks.ts",
  ]) {
    const loaded = await loadedWith(join(SRC, entry));
    expect(loaded).not.toContain("@marcbachmann/cel-js");
    expect(loaded.filter((path) => path.includes("/expressions/"))).toEqual([]);
  }
});

test("the worker and the rules of webhooks import what loads them with the first filter", async () => {
  for (const entry of ["service/open-worker.ts", "control/webhooks.ts"]) {
    expect(await loadedWith(join(SRC, entry))).toContain(join(SRC, "control/webhook-filter.ts"));
  }
});
