// Writes the README's generated tables between their markers: `bun docs/generate.ts`. The settings come
// from src/config/settings.ts, the routes from the OpenAPI document, the receivers from docs/receivers.md; test/docs/readme.test.ts notices a drift.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createApi } from "../src/api/app.ts";
import { settingsTable } from "../src/config/help.ts";
import { VERSION } from "../src/version.ts";

export const README = join(import.meta.dir, "../README.md");

/** The tables by the name of their markers. */
export function tables(): Record<"settings" | "routes" | "receivers", string> {
  return { settings: settingsTable(), routes: routesTable(), receivers: receivers() };
}

const RECEIVERS = readFileSync(join(import.meta.dir, "receivers.md"), "utf8");
const LANGUAGES = ["Express", "Hono", "Python", "Go", "PHP", "Ruby"];

/** The first code of each language's section, folded: test/sdk/pages.test.ts runs it. */
function receivers(): string {
  return LANGUAGES.map((language) => {
    const [, code] =
      new RegExp(`^### ${language}\n[^]*?(^\`\`\`[^]*?^\`\`\`$)`, "m").exec(RECEIVERS) ?? [];
    if (code === undefined) throw new Error(`docs/receivers.md has no section ${language}`);
    return `<details><summary>${language}</summary>\n\n${code}\n\n</details>`;
  }).join("\n\n");
}

interface Operation {
  summary?: string;
  /** `[]`: no token (OpenAPI 3.1 §4.8.10.1); else the document's own. */
  security?: unknown[];
}

function routesTable(): string {
  const rows = Object.entries(openApiPaths()).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { summary = "", security }]) => {
      const token = security?.length === 0 ? " (no token)" : "";
      return `| \`${method.toUpperCase()} ${path}\` | ${summary}${token} |`;
    }),
  );
  return ["| route | |", "| --- | --- |", ...rows].join("\n");
}

/** As /openapi.json answers it. */
function openApiPaths(): Record<string, Record<string, Operation>> {
  const api = createApi({
    stores: unasked(),
    sendTest: unasked(),
    config: { apiToken: "", maxEventBytes: 0, eventTypes: "open", version: VERSION },
    notReadyCauses: () => [],
    now: unasked(),
    log: unasked(),
  });
  const { paths } = api.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "", version: VERSION },
  });
  return paths as Record<string, Record<string, Operation>>;
}

/** In place of what only a request would use, and none is made: any member of it, none callable. */
function unasked(): never {
  const target = () => {
    throw new Error("the OpenAPI document is made without a request");
  };
  return new Proxy(target, { get: () => unasked() }) as never;
}

/** What stands between the markers of `name`. @throws Error where they are missing. */
export function section(readme: string, name: string): string {
  return readme.slice(...bounds(readme, name)).trim();
}

/** The README with its tables made anew. */
export function withTables(readme: string): string {
  let text = readme;
  for (const [name, table] of Object.entries(tables())) {
    const [from, to] = bounds(text, name);
    text = `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`;
  }
  return text;
}

// The formatter leaves alone what stands between its own markers, so the text is compared as it is.
function bounds(readme: string, name: string): [from: number, to: number] {
  const begin = `<!-- ${name}: made by docs/generate.ts -->\n<!-- prettier-ignore-start -->`;
  const from = readme.indexOf(begin);
  const to = readme.indexOf("<!-- prettier-ignore-end -->", from);
  if (from < 0 || to < 0) throw new Error(`README.md has no markers of the ${name} table`);
  return [from + begin.length, to];
}

if (import.meta.main) {
  await Bun.write(README, withTables(await Bun.file(README).text()));
}
