// docs/receivers.md and docs/sdk.md: what stands there runs as it stands there, in each language that
// is on the machine, and compiles against the package as it is published.
import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DIALECT_NAMES } from "../../src/wire/dialects/registry.ts";
import { tempFolder } from "../support/valkey.ts";
import { OTHER_SECRET, SECRET, signedRequest, type SignedRequest } from "./signed-request.ts";

const ROOT = join(import.meta.dir, "../..");
const receivers = await Bun.file(join(ROOT, "docs/receivers.md")).text();
const sdkPage = await Bun.file(join(ROOT, "docs/sdk.md")).text();

function snippetsOf(page: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm");
  return [...page.matchAll(fence)].map(([, code = ""]) => code);
}

async function run(cwd: string, command: string[], input = "") {
  const child = Bun.spawn(command, {
    cwd,
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
    timeout: 200_000,
  });
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    child.stdout.text(),
    child.stderr.text(),
  ]);
  return { exitCode, stdout, stderr };
}

interface Case extends SignedRequest {
  claim: string;
  secret: string;
  isGenuine: boolean;
}

async function casesOf(): Promise<Case[]> {
  const nowSeconds = Math.floor(Date.now() / 1_000);
  const signed = (secrets = [SECRET], unixSeconds = nowSeconds) =>
    signedRequest("fluxdrop", { secrets, unixSeconds });
  const good = await signed();
  const own = "a secret of my own";
  const header = (name: string, value: string): SignedRequest => ({
    ...good,
    headers: { ...good.headers, [name]: value },
  });
  const without = (name: string): SignedRequest => {
    const { [name]: _gone, ...headers } = good.headers;
    return { ...good, headers };
  };
  const signature = good.headers["webhook-signature"] ?? "";
  const genuine: [string, SignedRequest, string?][] = [
    ...(await Promise.all(
      DIALECT_NAMES.map(async (name): Promise<[string, SignedRequest]> => {
        return [name, await signedRequest(name, { unixSeconds: nowSeconds })];
      }),
    )),
    ["a rotation", await signed([OTHER_SECRET, SECRET])],
    ["a secret of one's own", await signed([own]), own],
    ["a request of four minutes ago", await signed([SECRET], nowSeconds - 240)],
    ["the good one among bad ones", header("webhook-signature", `v1,bad ${signature} v2,bad`)],
  ];
  const forged: [string, SignedRequest, string?][] = [
    ["another body", { ...good, body: `${good.body} ` }],
    ["another secret", good, OTHER_SECRET],
    ["a request of six minutes ago", await signed([SECRET], nowSeconds - 360)],
    ["a request of the future", await signed([SECRET], nowSeconds + 360)],
    ["no id", without("webhook-id")],
    ["no timestamp", without("webhook-timestamp")],
    ["no signature", without("webhook-signature")],
    ["another id", header("webhook-id", "other")],
    ["an id with a dot", header("webhook-id", "a.b")],
    ["a timestamp that is a word", header("webhook-timestamp", "hello")],
    ["a timestamp with more behind it", header("webhook-timestamp", `${nowSeconds}.0`)],
    ["a timestamp with a line feed", header("webhook-timestamp", `${nowSeconds}\n`)],
    ["a negative timestamp", header("webhook-timestamp", `-${nowSeconds}`)],
    ["another timestamp", header("webhook-timestamp", String(nowSeconds - 1))],
    ["an empty v1", header("webhook-signature", "v1,")],
    ["a truncated signature", header("webhook-signature", signature.slice(0, -1))],
    ["a version that is none of ours", header("webhook-signature", signature.replace("v1", "v2"))],
  ];
  return [
    ...genuine.map((one) => ({ one, isGenuine: true })),
    ...forged.map((one) => ({ one, isGenuine: false })),
  ].map(({ one: [claim, request, secret = SECRET], isGenuine }) => {
    return { claim, ...request, secret, isGenuine };
  });
}

interface Language {
  fence: string;
  /** What has to be on PATH. */
  program: string;
  /** The snippet and what drives it, by the name of the file. */
  files: (code: string) => Record<string, string>;
  command: string[];
}

/** Each driver reads the cases as JSON and prints a list of true and false. */
const LANGUAGES: Record<string, Language> = {
  Python: {
    fence: "python",
    program: "python3",
    files: (code) => ({
      "receiver.py": code,
      "drive.py": `import json, sys
from receiver import is_genuine
print(json.dumps([is_genuine(one["body"].encode(), one["headers"], one["secret"]) for one in json.load(sys.stdin)]))
`,
    }),
    command: ["python3", "drive.py"],
  },
  Go: {
    fence: "go",
    program: "go",
    files: (code) => ({
      "go.mod": "module example\n\ngo 1.21\n",
      "receiver/receiver.go": code,
      "main.go": `package main
import ("encoding/json"; "net/http"; "os"; "example/receiver")
func main() {
	var cases []struct { Body, Secret string; Headers map[string]string }
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil { panic(err) }
	verdicts := []bool{}
	for _, one := range cases {
		headers := http.Header{}
		for name, value := range one.Headers { headers.Set(name, value) }
		verdicts = append(verdicts, receiver.IsGenuine([]byte(one.Body), headers, one.Secret))
	}
	json.NewEncoder(os.Stdout).Encode(verdicts)
}
`,
    }),
    command: ["go", "run", "."],
  },
  PHP: {
    fence: "php",
    program: "php",
    files: (code) => ({
      "receiver.php": code,
      "drive.php": `<?php
require 'receiver.php';
$cases = json_decode(stream_get_contents(STDIN), true);
echo json_encode(array_map(fn ($one) => is_genuine($one['body'], $one['headers'], $one['secret']), $cases));
`,
    }),
    command: ["php", "drive.php"],
  },
  Ruby: {
    fence: "ruby",
    program: "ruby",
    files: (code) => ({
      "receiver.rb": code,
      "drive.rb": `require "json"
require_relative "receiver"
puts JSON.generate(JSON.parse(STDIN.read).map { |one| genuine?(one["body"], one["headers"], one["secret"]) })
`,
    }),
    command: ["ruby", "drive.rb"],
  },
};

describe("the receiver of docs/receivers.md", () => {
  for (const [name, { fence, program, files, command }] of Object.entries(LANGUAGES)) {
    test.skipIf(Bun.which(program) === null)(
      `in ${name} accepts what is genuine and refuses what is not`,
      async () => {
        const [code = ""] = snippetsOf(receivers, fence);
        const folder = tempFolder("receiver");
        for (const [file, text] of Object.entries(files(code))) {
          await Bun.write(join(folder, file), text);
        }
        const cases = await casesOf();
        const { stdout, stderr } = await run(folder, command, JSON.stringify(cases));
        expect(stderr).toBe("");
        const verdicts = JSON.parse(stdout) as boolean[];
        expect(cases.map(({ claim }, at) => [claim, verdicts[at]])).toEqual(
          cases.map(({ claim, isGenuine }) => [claim, isGenuine]),
        );
      },
      // A cold cache of Go compiles half of its library.
      240_000,
    );
  }
});

describe("the modules of docs/receivers.md and docs/sdk.md", () => {
  // A receiver's own project: its packages, and the SDK as it is published.
  const project = tempFolder("project");
  const modules = [...snippetsOf(receivers, "ts"), ...snippetsOf(sdkPage, "ts")];

  beforeAll(async () => {
    const packages = join(project, "node_modules");
    mkdirSync(join(packages, "@types"), { recursive: true });
    for (const name of [
      "express",
      "hono",
      "iovalkey",
      "@types/express",
      "@types/node",
      "bun-types",
    ]) {
      symlinkSync(join(ROOT, "node_modules", name), join(packages, name));
    }
    const sdk = join(packages, "fluxhook");
    const built = await run(ROOT, [process.execPath, "build.ts", "--sdk", sdk]);
    expect(built).toMatchObject({ exitCode: 0, stderr: "" });
    for (const [n, code] of modules.entries()) await Bun.write(join(project, `${n}.ts`), code);
    const compilerOptions = {
      strict: true,
      module: "esnext",
      moduleResolution: "bundler",
      target: "esnext",
      types: ["bun-types"],
      noEmit: true,
      skipLibCheck: true,
    };
    await Bun.write(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  }, 60_000);

  test("compile", async () => {
    expect(modules.length).toBeGreaterThanOrEqual(7);
    const { stdout, stderr, exitCode } = await run(project, [process.execPath, "check"]);
    expect({ exitCode, said: stdout + stderr }).toMatchObject({ exitCode: 0 });
  }, 60_000);

  test.each([
    [
      "for Express",
      "fluxhook/express",
      "app.listen(0).once('listening', function () { ready(`http://127.0.0.1:${this.address().port}/hooks`) })",
    ],
    ["for Hono", "fluxhook/hono", "ready(Bun.serve({ port: 0, fetch: app.fetch }).url + 'hooks')"],
    ["for a Request", "function POST", "ready(Bun.serve({ port: 0, fetch: POST }).url.href)"],
  ])(
    "%s let through what is genuine and nothing else",
    async (_claim, mark, serve) => {
      const at = modules.findIndex((code) => code.includes(mark));
      const file = `serve-${at}.ts`;
      await Bun.write(
        join(project, file),
        `import * as module from "./${at}.ts";
       const { app, POST } = module as never;
       const ready = async (url) => {
         const statuses = [];
         for (const { headers, body } of JSON.parse(await Bun.stdin.text())) {
           statuses.push((await fetch(url, { method: "POST", headers, body })).status);
         }
         await Bun.write(Bun.file("statuses-${at}"), JSON.stringify(statuses));
         process.exit(0);
       };
       ${serve}`,
      );
      const { headers, body } = await signedRequest("fluxdrop", {
        unixSeconds: Math.floor(Date.now() / 1_000),
      });
      const requests = [
        { headers, body },
        { headers, body: `${body} ` },
        { headers: {}, body },
      ];
      const command = ["env", `WEBHOOK_SECRET=${SECRET}`, process.execPath, file];
      const { stderr } = await run(project, command, JSON.stringify(requests));
      expect(stderr).toBe("");
      expect(await Bun.file(join(project, `statuses-${at}`)).json()).toEqual([204, 401, 401]);
    },
    60_000,
  );
});
