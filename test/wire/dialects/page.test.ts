// docs/dialects.md: its worked examples are what Fluxhook sends. Its table is generated (docs/generate.ts).
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DIALECT_NAMES, dialectOf } from "../../../src/wire/dialects/registry.ts";
import { Signer, signRequest } from "../../../src/wire/signature.ts";

const page = await Bun.file(join(import.meta.dir, "../../../docs/dialects.md")).text();

const SECRET = `whsec_${Buffer.from("a secret that everybody may read").toString("base64")}`;
const EVENT = {
  id: "doc-7",
  type: "task_assigned",
  timestamp: "2026-01-31T12:00:00Z",
  data: '{"title":"Read the page","cost":1.0}',
};

function sectionOf(name: string): string {
  const [, section = ""] = page.split(`\n## \`${name}\``);
  return section.split("\n## ")[0] ?? "";
}

describe.each(DIALECT_NAMES)("the section of %s", (name) => {
  const dialect = dialectOf(name);
  const section = sectionOf(name);

  test("shows the request that a receiver gets", async () => {
    const body = dialect.envelope(EVENT);
    const headers = await signRequest({
      dialect,
      secrets: [new Signer(SECRET)],
      eventId: EVENT.id,
      eventType: EVENT.type,
      deliveryId: "0b9d1f0e-6c53-4a0e-9f0d-1d6f5ac1f7a1",
      unixSeconds: 1_769_860_801,
      body,
      bodyBytes: new TextEncoder().encode(body),
    });
    const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}`);
    expect(section).toContain(`\`\`\`http\n${[...lines, "", body].join("\n")}\n\`\`\``);
  });

  test("names every type of its catalogue", () => {
    for (const type of dialect.catalogue) expect(section).toContain(`\`${type}\``);
  });
});

test("the page has the secret of its examples", () => {
  expect(page).toContain(`\`${SECRET}\``);
});
