// The package as it is published: built into a folder, and run there by Node, Bun, Deno where it is on
// the machine, and in a realm like a Worker's.
import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { dialectOf, DIALECT_NAMES } from "../../src/wire/dialects/registry.ts";
import { API_TOKEN } from "../support/service.ts";
import { useService } from "../support/use-scene.ts";
import { tempFolder } from "../support/valkey.ts";
import { standard } from "../vectors/signatures.json";
import { NOW_SECONDS, OTHER_SECRET, SECRET, signedRequest } from "./signed-request.ts";

const ROOT = join(import.meta.dir, "../..");
const PORTABLE = join(import.meta.dir, "portable");
const folder = tempFolder("sdk");

const { scene, service } = useService();

beforeAll(async () => {
  const built = await run([process.execPath, "build.ts", "--sdk", folder]);
  expect(built).toMatchObject({ exitCode: 0, stderr: "" });
}, 60_000);

async function run(command: string[]) {
  const child = Bun.spawn(command, {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { exitCode, stdout, stderr };
}

let owners = 0;

async function inputText(): Promise<string> {
  const samples = DIALECT_NAMES.map(async (dialect) => {
    const { headers, body } = await signedRequest(dialect);
    const header = dialectOf(dialect).ownSignature?.header.toLowerCase();
    return { dialect, headers, body, own: header === undefined ? null : headers[header] };
  });
  const closed = scene.receiver();
  await closed.stop();
  return JSON.stringify({
    secret: SECRET,
    otherSecret: OTHER_SECRET,
    nowSeconds: NOW_SECONDS,
    samples: await Promise.all(samples),
    vector: standard,
    service: {
      url: service.url,
      token: API_TOKEN,
      owner: `u_${++owners}`,
      unreachable: closed.url,
    },
  });
}

const files = () => [...new Bun.Glob("**/*").scanSync(folder)].toSorted();
const textOf = (file: string) => Bun.file(join(folder, file)).text();

describe("the built package", () => {
  test("has every file that its package.json names, and no dependencies", async () => {
    const published = JSON.parse(await textOf("package.json")) as typeof manifest;
    const entries = Object.values(published.exports).flatMap((entry) => Object.values(entry));
    expect(entries.length).toBe(2 * Object.keys(manifest.exports).length);
    expect(files()).toEqual(expect.arrayContaining(entries.map((path) => path.slice(2))));
    expect(published.version).toBe(manifest.version);
    expect("dependencies" in published).toBe(false);
  });

  test("has the licences of its contents", async () => {
    const text = await textOf("LICENSE");
    const names = ["@noble/hashes", "eventsource-parser", "zod"];
    for (const name of names) expect(text).toContain(`The code of ${name}`);
    expect(text.match(/The code of/g)).toHaveLength(names.length);
  });

  test("imports only its own files, and names no runtime", async () => {
    const transpiler = new Bun.Transpiler({ loader: "js" });
    const scripts = files().filter((file) => file.endsWith(".js"));
    expect(scripts.length).toBeGreaterThan(4);
    for (const script of scripts) {
      const source = await textOf(script);
      const imported = transpiler.scanImports(source).map(({ path }) => path);
      expect(imported.filter((path) => !files().includes(path.replace("./", "")))).toEqual([]);
      expect(
        source.match(/\b(?:Bun|Deno|process|Buffer)\.|"(?:node|bun):|\brequire\(/g),
      ).toBeNull();
    }
  });

  test("loads no schema library if only verify is imported", async () => {
    const loaded = new Set(["verify.js"]);
    for (const file of loaded) {
      const source = await textOf(file);
      for (const [, next = ""] of source.matchAll(/from "\.\/([^"]+)"/g)) loaded.add(next);
    }
    const bytes = (await Promise.all([...loaded].map(textOf))).join("").length;
    expect(bytes).toBeLessThan(40_000);
  });
});

const deno = Bun.which("deno");
const DENO_ARGS = ["run", "--no-config", "--allow-net", "--allow-read"];
const runtimes: [name: string, command: string[] | null][] = [
  ["Node", ["node", join(PORTABLE, "run.mjs")]],
  ["Bun", [process.execPath, join(PORTABLE, "run.mjs")]],
  ["Deno", deno === null ? null : [deno, ...DENO_ARGS, join(PORTABLE, "run.mjs")]],
  [
    "a realm like a Worker's",
    ["node", "--no-warnings", "--experimental-vm-modules", join(PORTABLE, "run-as-worker.mjs")],
  ],
];

describe("the built package works", () => {
  for (const [name, command] of runtimes) {
    test.skipIf(command === null)(
      `on ${name}`,
      async () => {
        const { stdout, stderr } = await run([...(command ?? []), folder, await inputText()]);
        expect(stderr).toBe("");
        expect(JSON.parse(stdout) as string[]).toHaveLength(8);
      },
      60_000,
    );
  }

  test("before Express on Node", async () => {
    const sample = await signedRequest("fluxdrop");
    const input = JSON.stringify({ secret: SECRET, nowSeconds: NOW_SECONDS, ...sample });
    const { stdout, stderr } = await run([
      "node",
      join(PORTABLE, "run-express.mjs"),
      folder,
      input,
    ]);
    expect(stderr).toBe("");
    const told = JSON.stringify({ event: JSON.parse(sample.body) as object, raw: sample.body });
    const unauthorized = '{"type":"about:blank","title":"Unauthorized","status":401}';
    const tooLarge = '{"type":"about:blank","title":"Content Too Large","status":413}';
    expect(JSON.parse(stdout)).toEqual({
      genuine: [200, told],
      raw: [200, told],
      forged: [401, unauthorized],
      parsed: [500, expect.stringContaining("express.raw(")],
      large: [413, tooLarge],
      largeStreamed: [413, tooLarge],
      genuineAgain: [200, told],
    });
  }, 60_000);
});

test("the types of the built package compile in a strict project, including declaration files", async () => {
  const project = tempFolder("consumer");
  mkdirSync(join(project, "node_modules"));
  symlinkSync(folder, join(project, "node_modules/fluxhook"));
  const options = {
    strict: true,
    exactOptionalPropertyTypes: true,
    module: "nodenext",
    target: "es2023",
    lib: ["es2023", "dom", "dom.iterable"],
    types: [],
    noEmit: true,
    skipLibCheck: false,
  };
  await Bun.write(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options }));
  await Bun.write(join(project, "package.json"), '{"type":"module"}');
  await Bun.write(
    join(project, "consumer.ts"),
    `import { enqueue, Flux, FluxError, verify, type FluxEvent, type Webhook } from "fluxhook";
     import { verify as alone, WebhookVerificationError, type FluxdropEvent } from "fluxhook/verify";
     import { EnqueueError } from "fluxhook/enqueue";
     import { receiveWebhook as hono } from "fluxhook/hono";
     import { receiveWebhook as express } from "fluxhook/express";
     const flux = new Flux({ apiKey: "key" });
     const { secret }: { secret: string } = await flux.webhooks.create({ user_id: "u", url: "u" });
     for await (const webhook of flux.webhooks.list({ user_id: "u" })) webhook satisfies Webhook;
     alone<FluxdropEvent>("", new Headers(), secret).event satisfies string;
     flux.webhooks.verify<FluxEvent>(new Uint8Array(), {}, [secret]).created satisfies number;
     // @ts-expect-error -- a parsed body
     verify({}, {}, secret);
     // @ts-expect-error -- an event of nobody
     await flux.events.send({ event: "a", data: {} });
     // @ts-expect-error -- a client without lpush
     await enqueue({}, { user_id: "u", event: "a", data: {} });
     [FluxError, WebhookVerificationError, EnqueueError, hono, express];`,
  );
  const checked = await run([process.execPath, "check", "--no-script", "--cwd", project]);
  expect(checked.stdout + checked.stderr).toContain("No type errors");
  expect(checked.exitCode).toBe(0);
}, 60_000);
