// docs/design.md, "The shape of src": which room may import which, no circle of files, and what a file
// may be.
import { describe, expect, test } from "bun:test";
import { basename, dirname, join, relative } from "node:path";

const SRC = join(import.meta.dir, "../../src");
const files = [...new Bun.Glob("**/*.{ts,tsx,lua}").scanSync(SRC)].toSorted();
const MAX_LINES = 350;

/** Files of src itself that any room may import, from the bottom up. */
const ROOT = [
  "bounded-map.ts",
  "losses.ts",
  "deadline.ts",
  "failure-limit.ts",
  "fault-point.ts",
  "fixed-window.ts",
  "log.ts",
  "version.ts",
];

/** Room → what it may import besides itself: rooms, files of src, packages ("*": any of them). */
const ARROWS: Record<string, { inside: string[]; packages: string[] }> = {
  wire: { inside: [], packages: ["zod", "eventsource-parser"] },
  expressions: { inside: ["wire"], packages: ["@marcbachmann/cel-js"] },
  sdk: { inside: ["wire"], packages: ["zod", "@noble/hashes", "eventsource-parser"] },
  // What a process counts, and how a series is made of it. Pure: no Valkey, no clock but the one it is given.
  stats: { inside: ["wire"], packages: [] },
  // Loaded with the first scrape.
  metrics: { inside: ["stats", "wire"], packages: ["prom-client"] },
  config: { inside: ["wire"], packages: ["zod", "ipaddr.js"] },
  delivery: { inside: ["wire", ...ROOT], packages: ["*"] },
  valkey: { inside: ["stats", "wire", ...ROOT], packages: ["*"] },
  "local-valkey": { inside: ROOT, packages: ["iovalkey"] },
  control: { inside: ["expressions", "valkey", "delivery", "wire", ...ROOT], packages: [] },
  worker: {
    inside: ["expressions", "control", "valkey", "delivery", "stats", "wire", ...ROOT],
    packages: [],
  },
  // The receiving half verifies requests; the running half runs their executions on the worker's machinery.
  inbound: {
    inside: ["expressions", "worker", "control", "valkey", "delivery", "wire", ...ROOT],
    packages: [],
  },
  // OpenTelemetry's libraries: loaded by `service` where traces are wanted.
  traces: { inside: ROOT, packages: ["*"] },
  tunnel: { inside: ["control", "valkey", "delivery", "wire", ...ROOT], packages: ["*"] },
  live: { inside: ["valkey", "wire", ...ROOT], packages: [] },
  api: {
    inside: [
      "control",
      "live",
      "inbound",
      "tunnel",
      "delivery",
      "valkey",
      "stats",
      "wire",
      ...ROOT,
    ],
    packages: ["*"],
  },
  // Pages and their files only: what they show, the browser gets from the API, whose types the SDK has.
  dashboard: {
    inside: ["sdk", "wire"],
    packages: [
      "fluxhook:web",
      "preact",
      "@preact/signals",
      "lucide",
      "@dagrejs/dagre",
      "eventsource-parser",
      "uplot",
    ],
  },
  service: {
    inside: [
      "api",
      "dashboard",
      "live",
      "metrics",
      "traces",
      "tunnel",
      "inbound",
      "worker",
      "control",
      "valkey",
      "delivery",
      "config",
      "stats",
      "wire",
      ...ROOT,
    ],
    packages: [],
  },
  cli: {
    inside: [
      "service",
      "local-valkey",
      "worker",
      "control",
      "valkey",
      "delivery",
      "config",
      "wire",
      ...ROOT,
    ],
    packages: ["*"],
  },
};

/** Rooms inside of a room, in the order in which they may import each other: never an earlier one. */
const ORDERS: Record<string, readonly string[]> = {
  // The path of a delivery.
  worker: ["claim", "run", "settle", "after", "webhooks"],
  delivery: ["http", "guard"],
  valkey: ["inbound", "tunnel", "history", "queue", "webhooks", "connection", "scripts"],
  api: ["webhooks", "auth", "http"],
};
const CLIENT = "iovalkey";

/** Every module that a source names, types too: a type is an arrow as well. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[^]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const named =
    /^\s*(?:import|export)\b[^"';]*?\bfrom\s*"([^"]+)"|^\s*import\s*"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
  return [...code.matchAll(named)].map(([, from, bare, dynamic]) => from ?? bare ?? dynamic ?? "");
}

function roomOf(file: string): string {
  return file.includes("/") ? (file.split("/")[0] ?? "") : file;
}

/** The room inside of the room, if the file is in one. */
function innerRoomOf(file: string): string | undefined {
  const parts = file.split("/");
  return parts.length > 2 ? parts[1] : undefined;
}

/** What is wrong with `file` importing `path`, or null. */
function wrongArrow(file: string, path: string): string | null {
  if (path.startsWith("node:") || /^bun(?::|$)/.test(path)) return null;
  const room = roomOf(file);
  const allowed = ARROWS[room];
  if (!path.startsWith(".")) {
    const name = path.split("/", path.startsWith("@") ? 2 : 1).join("/");
    if (name === CLIENT && room !== "valkey" && room !== "local-valkey") {
      return `${file}: only valkey/ and local-valkey/ import ${CLIENT}`;
    }
    const may = allowed?.packages ?? ["*"];
    return may.includes("*") || may.includes(name) ? null : `${file} imports ${name}`;
  }
  const target = relative(SRC, join(SRC, dirname(file), path));
  if (target.startsWith("..")) {
    return target === "../package.json" ? null : `${file} leaves src for ${target}`;
  }
  const to = roomOf(target);
  if (to === room) return climb(file, target);
  if (allowed === undefined || allowed.inside.includes(to)) return null;
  return `${file} imports ${target}`;
}

/** Inside of one room: an arrow from a later inner room to an earlier one. */
function climb(file: string, target: string): string | null {
  const order = ORDERS[roomOf(file)] ?? [];
  const from = order.indexOf(innerRoomOf(file) ?? "");
  const to = order.indexOf(innerRoomOf(target) ?? "");
  return from >= 0 && to >= 0 && to < from ? `${file} climbs to ${target}` : null;
}

const graph = new Map<string, string[]>();
for (const file of files.filter((one) => /\.tsx?$/.test(one))) {
  const targets = importsOf(await Bun.file(join(SRC, file)).text())
    .filter((path) => path.startsWith("."))
    .map((path) => relative(SRC, join(SRC, dirname(file), path)));
  graph.set(file, targets);
}

/** A way from `from` back to itself, or null. */
function circleFrom(from: string): string[] | null {
  const cameFrom = new Map<string, string>();
  const pending = [from];
  for (let file = pending.shift(); file !== undefined; file = pending.shift()) {
    for (const target of graph.get(file) ?? []) {
      if (target === from) {
        const way = [from];
        for (let at = file; at !== from; at = cameFrom.get(at) ?? from) way.unshift(at);
        return [from, ...way];
      }
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, file);
      pending.push(target);
    }
  }
  return null;
}

test("every room of src has its arrows here", () => {
  const rooms = new Set(files.filter((file) => file.includes("/")).map(roomOf));
  expect([...rooms].filter((room) => !(room in ARROWS))).toEqual([]);
});

test("no file of src imports itself by way of others, types included", () => {
  expect([...graph.keys()].map(circleFrom).filter((circle) => circle !== null)).toEqual([]);
});

test.each([...graph.keys()])("%s follows the arrows", async (file) => {
  const source = await Bun.file(join(SRC, file)).text();
  const wrong = importsOf(source).map((path) => wrongArrow(file, path));
  expect(wrong.filter((one) => one !== null)).toEqual([]);
});

test.each(files.filter((file) => file.startsWith("dashboard/web/")))(
  "%s takes nothing but types from outside of the browser's code",
  async (file) => {
    const source = await Bun.file(join(SRC, file)).text();
    const taken = [...source.matchAll(/^(?:import|export)(?! type\b)[^"';]*?from "(\.[^"]+)"/gm)];
    const outside = taken
      .map(([, path = ""]) => relative(SRC, join(SRC, dirname(file), path)))
      .filter((target) => !target.startsWith("dashboard/web/"));
    expect(outside).toEqual([]);
  },
);

/** Generated files are not read. */
const MADE = "// Made by docs/generate.ts ";

test.each(files)(`%s has at most ${MAX_LINES} lines`, async (file) => {
  const text = await Bun.file(join(SRC, file)).text();
  if (text.includes(MADE)) return;
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(MAX_LINES);
});

test("no file is called utils, helpers, common or types", () => {
  const vague = /^(?:utils?|helpers?|common|types?|misc|shared)(?:\.d)?\.(?:ts|lua)$/;
  expect(files.filter((file) => vague.test(basename(file)))).toEqual([]);
});

describe("the arrows themselves", () => {
  test.each([
    ["delivery/http/send.ts", "../../valkey/connection/link.ts"],
    ["delivery/http/send.ts", "../../worker/claim/claimer.ts"],
    ["delivery/http/send.ts", "../../config/settings.ts"],
    ["delivery/http/send.ts", "iovalkey"],
    ["delivery/guard/guard.ts", "../http/send.ts"],
    ["worker/claim/claimer.ts", "iovalkey"],
    ["worker/claim/claimer.ts", "../../api/app.ts"],
    ["worker/claim/claimer.ts", "../../config/settings.ts"],
    ["worker/settle/endings.ts", "../run/attempt.ts"],
    ["worker/after/after-attempt.ts", "../claim/claimer.ts"],
    ["valkey/connection/link.ts", "../../delivery/http/send.ts"],
    ["valkey/connection/link.ts", "../queue/queue-store.ts"],
    ["control/webhooks.ts", "../api/app.ts"],
    ["wire/event.ts", "../valkey/keys.ts"],
    ["wire/event.ts", "../expressions/filter.ts"],
    ["expressions/filter.ts", "../worker/worker.ts"],
    ["expressions/filter.ts", "zod"],
    ["worker/worker.ts", "@marcbachmann/cel-js"],
    ["wire/dialects/fluxdrop.ts", "../../config/settings.ts"],
    ["wire/event.ts", "../../test/support/valkey.ts"],
    ["sdk/verify.ts", "../valkey/keys.ts"],
    ["sdk/verify.ts", "hono"],
    ["api/app.ts", "../service/service.ts"],
    ["api/http/problem.ts", "../webhooks/webhooks.ts"],
    ["cli/dev/dev.ts", "../../api/app.ts"],
    ["tunnel/tunnel.ts", "../api/app.ts"],
    ["log.ts", "iovalkey"],
  ])("deny %s importing %s", (file, path) => {
    expect(wrongArrow(file, path)).toBeString();
  });

  test.each([
    ["delivery/http/send.ts", "../../wire/signature.ts"],
    ["delivery/http/send.ts", "../guard/target.ts"],
    ["valkey/connection/link.ts", "iovalkey"],
    ["worker/claim/claimer.ts", "../run/slots.ts"],
    ["worker/run/attempt.ts", "../settle/endings.ts"],
    ["worker/claim/claimer.ts", "../../valkey/queue/queue-store.ts"],
    ["wire/dialects/fluxdrop.ts", "../event.ts"],
    ["expressions/cel.ts", "@marcbachmann/cel-js"],
    ["worker/worker.ts", "../expressions/filter.ts"],
    ["service/service.ts", "../api/app.ts"],
    ["main.ts", "./cli/serve/serve.ts"],
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
