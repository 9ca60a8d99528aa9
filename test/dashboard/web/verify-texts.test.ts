// "Verify like this": each program that the page shows is run, and prints the signature of the attempt.
import { describe, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BODY_FILE,
  LANGUAGES,
  MAX_INLINE_CHARACTERS,
} from "../../../src/dashboard/web/verify-texts.ts";
import { Signer, standardContent } from "../../../src/wire/signature.ts";

const RUN: Record<string, { file: string; command: string[] }> = {
  Shell: { file: "verify.sh", command: ["sh", "verify.sh"] },
  "Node.js": { file: "verify.cjs", command: ["node", "verify.cjs"] },
  Python: { file: "verify.py", command: ["python3", "verify.py"] },
  Go: { file: "verify.go", command: ["go", "run", "verify.go"] },
  PHP: { file: "verify.php", command: ["php", "verify.php"] },
  Ruby: { file: "verify.rb", command: ["ruby", "verify.rb"] },
};

const BODIES: [string, string][] = [
  ["small", String.raw`{"data":{"big":12345678901234567890,"text":"it's \"é\" 👍 $(id) \n"}}`],
  ["large", `{"data":{"text":"${"x".repeat(MAX_INLINE_CHARACTERS)}"}}`],
];
const SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "It's a Secret to Everybody"];

test("every language has a program that runs it", () => {
  expect(LANGUAGES.map(({ name }) => name)).toEqual(Object.keys(RUN));
});

describe.each([...LANGUAGES])("the program in $name", ({ name, write }) => {
  const { file, command } = RUN[name]!;
  test.skipIf(Bun.which(command[0]!) === null)(
    "prints the signature, for a secret of each form, and for a body of any size",
    async () => {
      for (const [size, body] of BODIES) {
        const attempt = { id: "evt_1", timestamp: "1767323045", body };
        const folder = await mkdtemp(join(tmpdir(), "fluxhook-verify-"));
        try {
          await writeFile(join(folder, file), write(attempt));
          await writeFile(join(folder, BODY_FILE), body);
          for (const secret of SECRETS) {
            const child = Bun.spawn(command, {
              cwd: folder,
              env: { ...process.env, WEBHOOK_SECRET: secret },
              stderr: "inherit",
            });
            const content = standardContent("evt_1", "1767323045", new TextEncoder().encode(body));
            const expected = `v1,${await new Signer(secret).standard(content)}\n`;
            expect([size, await new Response(child.stdout).text()]).toEqual([size, expected]);
          }
        } finally {
          await rm(folder, { recursive: true });
        }
      }
    },
    120_000,
  );
});

test("an id that another program wrote cannot end the text that it stands in", () => {
  const hostile = { id: `'"; $(touch x) \\`, timestamp: "1\n2", body: "{}" };
  for (const { write } of LANGUAGES) expect(write(hostile)).toContain("touchx.12.");
});
