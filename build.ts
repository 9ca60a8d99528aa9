// `bun run build`: one self-contained executable, dist/fluxhook.
import { $ } from "bun";

const result = await Bun.build({
  entrypoints: ["src/main.ts"],
  compile: { outfile: "dist/fluxhook" },
  minify: true,
  sourcemap: "linked",
  bytecode: true,
  format: "esm",
});
if (!result.success) {
  for (const message of result.logs) console.error(message);
  process.exit(1);
}
console.log((await $`ls -lh dist/fluxhook`.text()).trim());
