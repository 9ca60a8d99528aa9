// `bun run build`: one self-contained executable, dist/fluxhook, for this machine. `--target bun-linux-arm64`
// makes it for another one, `--outfile` puts it elsewhere. `--sdk [folder]`: the SDK as a package without
// dependencies, dist/sdk.
import { exists, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import manifest from "./package.json" with { type: "json" };
import { buildWeb } from "./src/dashboard/build-web.ts";

if (process.argv.includes("--sdk")) {
  await buildSdk(valueOf("--sdk") ?? "dist/sdk");
} else {
  await buildBinary();
}

function valueOf(option: string): string | undefined {
  const at = process.argv.indexOf(option);
  return at < 0 ? undefined : process.argv[at + 1];
}

async function buildBinary(): Promise<void> {
  const faults = process.argv.includes("--faults");
  const target = valueOf("--target") as Bun.Build.CompileTarget | undefined;
  // The points at which the fault campaign kills are in this build only.
  const outfile = valueOf("--outfile") ?? (faults ? "dist/fluxhook-faults" : "dist/fluxhook");
  // The chunks' names change with what is in them; the executable has their maps inside.
  const folder = dirname(outfile);
  for (const old of (await exists(folder)) ? new Bun.Glob("chunk-*.js.map").scanSync(folder) : []) {
    await rm(join(folder, old), { force: true });
  }
  // Of this build alone: several may run at a time.
  const pages = await mkdtemp(join(tmpdir(), "fluxhook-pages-"));
  const result = await Bun.build({
    entrypoints: ["src/main.ts"],
    compile: {
      outfile,
      ...(target && { target }),
      // The folder that a program is started in may be anybody's: a bunfig.toml there could name code to
      // load, and a .env another FLUXHOOK_URL, to which a command would send the token. The fault campaign
      // loads its measurement by a bunfig.toml (test/faults/event-loop.ts).
      autoloadBunfig: faults,
      autoloadDotenv: false,
    },
    // Class names stay: an error's name is read in the log.
    minify: { whitespace: true, syntax: true, identifiers: false },
    sourcemap: "linked",
    bytecode: true,
    define: { FLUXHOOK_FAULT_BUILD: String(faults), FLUXHOOK_HAS_PAGES: "true" },
    format: "esm",
    // What is imported on demand is loaded on demand: without it the binary is one file, all of which
    // every process reads.
    splitting: true,
    plugins: [await webPlugin(pages)],
  });
  await rm(pages, { recursive: true });
  exitUnless(result);
  console.log(`${outfile} ${Math.round(Bun.file(outfile).size / 2 ** 20)} MiB`);
}

/**
 * `fluxhook:web`: the dashboard's pages, bundled and compressed. They are made before, since Bun.build
 * inside of a plugin never returns; the plugin only names the files in `folder`.
 */
async function webPlugin(folder: string): Promise<Bun.BunPlugin> {
  const imports: string[] = [];
  const entries: string[] = [];
  for (const [at, { path, type, etag, brotli, gzip }] of (await buildWeb("small")).entries()) {
    for (const [encoding, bytes] of Object.entries({ brotli, gzip })) {
      const file = join(folder, `${at}.${encoding}`);
      await Bun.write(file, bytes);
      imports.push(`import ${encoding}${at} from ${JSON.stringify(file)} with { type: "file" };`);
    }
    const { length } = entries;
    entries.push(
      `{ ...${JSON.stringify({ path, type, etag })}, brotli: brotli${length}, gzip: gzip${length} }`,
    );
  }
  const contents = `${imports.join("\n")}\nexport const files = [${entries.join(",\n")}];\n`;
  return {
    name: "fluxhook:web",
    setup(build) {
      build.onResolve({ filter: /^fluxhook:web$/ }, () => ({ path: "web", namespace: "fluxhook" }));
      build.onLoad({ filter: /^web$/, namespace: "fluxhook" }, () => ({ contents, loader: "js" }));
    },
  };
}

/** One JavaScript file for each entry of package.json's `exports`, and the types of src/sdk. */
async function buildSdk(folder: string): Promise<void> {
  const built = "./dist/sdk/";
  const entries = Object.values(manifest.exports).map(({ default: file }) =>
    file.replace(built, "src/sdk/").replace(/\.js$/, ".ts"),
  );
  // The chunks' names change with what is in them.
  if (await exists(folder)) {
    for (const old of new Bun.Glob("*.{js,d.ts}").scanSync(folder)) await rm(join(folder, old));
  }
  const result = await Bun.build({
    entrypoints: entries,
    outdir: folder,
    target: "browser",
    format: "esm",
    // What one entry does not use is not loaded with it: `verify` comes without zod.
    splitting: true,
    // Readable where a receiver's engineer steps into it; what loads it minifies what it needs.
    minify: { syntax: true },
    metafile: true,
  });
  exitUnless(result);
  await Bun.write(
    join(folder, "LICENSE"),
    await licenses(Object.keys(result.metafile?.inputs ?? {})),
  );

  // Here and not above: the image is built without what only developers need.
  const { isolatedDeclarationSync } = await import("oxc-transform");
  const pending = new Set(entries);
  // What no entry's types lead to stays out: it may speak of wire/, which is not in the package.
  for (const path of pending) {
    const { code, errors } = isolatedDeclarationSync(path, await Bun.file(path).text());
    if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
    for (const [, next] of code.matchAll(/from "\.\/([^"]+)"/g)) pending.add(`src/sdk/${next}`);
    const types = code.replaceAll(/(from "\.\/[^"]+)\.ts"/g, '$1.js"');
    await Bun.write(join(folder, basename(path).replace(/\.ts$/, ".d.ts")), types);
  }

  const { name, version, description, license, type } = manifest;
  const exported = JSON.stringify(manifest.exports).replaceAll(built, "./");
  const published = {
    name,
    version,
    description,
    license,
    type,
    exports: JSON.parse(exported) as object,
    types: "./index.d.ts",
    sideEffects: false,
    engines: { node: ">=20.3" },
  };
  await Bun.write(join(folder, "package.json"), `${JSON.stringify(published, null, 2)}\n`);
  console.log(`${folder} ${result.outputs.length} files`);
}

/** Ours, and those of the packages of which code went in: their licences ask for it. */
async function licenses(inputs: readonly string[]): Promise<string> {
  const packages = inputs.flatMap(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  );
  const texts = [await Bun.file("LICENSE").text()];
  for (const name of [...new Set(packages)].toSorted()) {
    const text = await Bun.file(`node_modules/${name}/LICENSE`).text();
    texts.push(`The code of ${name}, which is part of this package:\n\n${text}`);
  }
  return texts.join(`\n${"-".repeat(72)}\n\n`);
}

function exitUnless({ success, logs }: Bun.BuildOutput): void {
  if (success) return;
  for (const message of logs) console.error(message);
  process.exit(1);
}
