// DESIGN §4, "Data flows one way": which folder of src may import which, and what a file may be.
import { describe, expect, test } from "bun:test";
import { basename, dirname, join, relative } from "node:path";

const SRC = join(import.meta.dir, "../../src");
const files = [...new Bun.Glob("**/*.{ts,lua}").scanSync(SRC)].toSorted();

/** Files of src itself that are no layer. Not for delivery: it is tested and used without settings. */
const ROOT = ["config.ts", "fault-point.ts", "forget-oldest.ts", "log.ts", "version.ts"];

/** Folder → what it may import besides itself: folders, files of src, packages ("*": any of them). */
const ARROWS: Record<string, { inside: string[]; packages: string[] }> = {
  wire: { inside: [], packages: ["zod"] },
  sdk: { inside: ["wire"], packages: ["zod", "@noble/hashes"] },
  delivery: { inside: ["wire", "fault-point.ts", "forget-oldest.ts"], packages: ["*"] },
  valkey: { inside: ["wire", ...ROOT], packages: ["*"] },
  worker: { inside: ["valkey", "delivery", "wire", ...ROOT], packages: ["*"] },
  api: { inside: ["worker", "valkey", "delivery", "wire", ...ROOT], packages: ["*"] },
  dashboard: { inside: ["worker", "valkey", "wire", ...ROOT], packages: ["*"] },
  inbound: { inside: ["worker", "valkey", "delivery", "wire", ...ROOT], packages: ["*"] },
  cli: { inside: ["worker", "valkey", "delivery", "wire", ...ROOT], packages: ["*"] },
};

const EDGES = ["api", "cli", "dashboard", "inbound"];
/** The composition roots: they put the edges together, and nobody imports them but the commands. */
const COMPOSES = ["main.ts", "service/service.ts"];
const CLIENT = "iovalkey";

/** Every module that a source names, types too: a type is an arrow as well. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const named =
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|^\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return [...code.matchAll(named)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "");
}

function folderOf(file: string): string {
  return file.includes("/") ? (file.split("/")[0] ?? "") : file;
}

/** What is wrong with `file` importing `path`, or null. */
function wrongArrow(file: string, path: string): string | null {
  if (path.startsWith("node:") || /^bun(?::|$)/.test(path)) return null;
  const folder = folderOf(file);
  const allowed = ARROWS[folder];
  if (!path.startsWith(".")) {
    const name = path.split("/", path.startsWith("@") ? 2 : 1).join("/");
    if (name === CLIENT && folder !== "valkey") return `${file}: only valkey/ imports ${CLIENT}`;
    const may = allowed?.packages ?? ["*"];
    return may.includes("*") || may.includes(name) ? null : `${file} imports ${name}`;
  }
  const target = relative(SRC, join(SRC, dirname(file), path));
  if (target.startsWith("..")) {
    return target === "../package.json" ? null : `${file} leaves src for ${target}`;
  }
  const to = folderOf(target);
  if (to === folder || allowed === undefined || allowed.inside.includes(to)) return null;
  if (COMPOSES.includes(file) && EDGES.includes(to)) return null;
  return `${file} imports ${target}`;
}

test("every folder of src has its arrows here", () => {
  const folders = new Set(files.filter((file) => file.includes("/")).map(folderOf));
  expect([...folders].filter((folder) => !(folder in ARROWS))).toEqual([]);
});

test.each(files.filter((file) => file.endsWith(".ts")))("%s follows the arrows", async (file) => {
  const source = await Bun.file(join(SRC, file)).text();
  const wrong = importsOf(source).map((path) => wrongArrow(file, path));
  expect(wrong.filter((one) => one !== null)).toEqual([]);
});

test.each(files)("%s has at most 400 lines", async (file) => {
  const text = await Bun.file(join(SRC, file)).text();
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(400);
});

test("no file is called utils, helpers, common or types", () => {
  const vague = /^(?:utils?|helpers?|common|types?|misc|shared)(?:\.d)?\.(?:ts|lua)$/;
  expect(files.filter((file) => vague.test(basename(file)))).toEqual([]);
});

describe("the arrows themselves", () => {
  test.each([
    ["delivery/http/send.ts", "../valkey/link.ts"],
    ["delivery/http/send.ts", "../worker/claim.ts"],
    ["delivery/http/send.ts", "../config.ts"],
    ["delivery/http/send.ts", "iovalkey"],
    ["worker/claim/claimer.ts", "iovalkey"],
    ["worker/claim/claimer.ts", "../api/app.ts"],
    ["valkey/connection/link.ts", "../delivery/send.ts"],
    ["wire/event.ts", "../valkey/keys.ts"],
    ["wire/dialects/fluxdrop.ts", "../../config.ts"],
    ["wire/event.ts", "../support/valkey.ts"],
    ["sdk/verify.ts", "../valkey/keys.ts"],
    ["sdk/verify.ts", "hono"],
    ["api/app.ts", "../cli/serve.ts"],
    ["cli/dev/dev.ts", "../api/app.ts"],
    ["inbound/receive.ts", "../api/app.ts"],
    ["log.ts", "iovalkey"],
  ])("deny %s importing %s", (file, path) => {
    expect(wrongArrow(file, path)).toBeString();
  });

  test.each([
    ["delivery/http/send.ts", "../wire/signature.ts"],
    ["valkey/connection/link.ts", "iovalkey"],
    ["worker/claim/claimer.ts", "../valkey/queue-store.ts"],
    ["wire/dialects/fluxdrop.ts", "../event.ts"],
    ["service/service.ts", "../api/app.ts"],
    ["main.ts", "./cli/serve.ts"],
    ["delivery/guard/resolve.ts", "node:dns"],
  ])("allow %s importing %s", (file, path) => {
    expect(wrongArrow(file, path)).toBeNull();
  });

  test("see every form of an import", () => {
    const forms = [
      'import a from "./a.ts";',
      'import type { B } from "./b.ts";',
      'import {\n  c,\n  type D,\n} from "./c.ts";',
      'export { e } from "./e.ts";',
      'export * from "./f.ts";',
      'import "./g.ts";',
      'const h = await import("./h.ts");',
      '// import i from "./i.ts";',
      'import text from "./j.lua" with { type: "text" };',
    ].join("\n");
    expect(importsOf(forms).toSorted()).toEqual(
      ["a.ts", "b.ts", "c.ts", "e.ts", "f.ts", "g.ts", "h.ts", "j.lua"].map((name) => `./${name}`),
    );
  });
});
