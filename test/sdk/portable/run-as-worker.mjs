// `node --experimental-vm-modules run-as-worker.mjs <folder> <input as JSON>`: the same in a realm that
// has, like a Cloudflare Worker, the globals of the web, no eval, and no module but the package's own.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const WEB = `AbortController AbortSignal atob Blob btoa clearTimeout crypto fetch FormData Headers
  ReadableStream Request Response setTimeout TextDecoder TextEncoder URL URLSearchParams`.split(
  /\s+/,
);

const [folder, input] = process.argv.slice(2);
const context = vm.createContext(Object.fromEntries(WEB.map((name) => [name, globalThis[name]])), {
  codeGeneration: { strings: false, wasm: false },
});
const modules = new Map();

async function load(path) {
  if (!modules.has(path)) {
    const source = await readFile(path, "utf8");
    modules.set(path, new vm.SourceTextModule(source, { context, identifier: path }));
  }
  return modules.get(path);
}

async function evaluated(path) {
  const module = await load(path);
  await module.link((specifier, { identifier }) => {
    if (!specifier.startsWith("./")) throw new Error(`${identifier} imports ${specifier}`);
    return load(fileURLToPath(new URL(specifier, `file://${identifier}`)));
  });
  await module.evaluate();
  return module.namespace;
}

const sdk = await evaluated(`${folder}/index.js`);
const hono = await evaluated(`${folder}/hono.js`);
const { check } = await evaluated(fileURLToPath(new URL("checks.mjs", import.meta.url)));
context.input = input;
const parsed = vm.runInContext("JSON.parse(input)", context);
console.log(JSON.stringify(await check(sdk, hono, parsed)));
