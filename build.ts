// `bun run build`: one self-contained executable, dist/fluxhook.
const faults = process.argv.includes("--faults");
// The points at which the fault campaign kills are in this build only.
const outfile = faults ? "dist/fluxhook-faults" : "dist/fluxhook";

const result = await Bun.build({
  entrypoints: ["src/main.ts"],
  compile: { outfile },
  // Class names stay: an error's name is read in the log.
  minify: { whitespace: true, syntax: true, identifiers: false },
  sourcemap: "linked",
  bytecode: true,
  define: { FLUXHOOK_FAULT_BUILD: String(faults) },
  format: "esm",
});
if (!result.success) {
  for (const message of result.logs) console.error(message);
  process.exit(1);
}
console.log(`${outfile} ${Math.round(Bun.file(outfile).size / 2 ** 20)} MiB`);
