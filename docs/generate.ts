// Writes the README's generated tables between their markers: `bun docs/generate.ts`. The settings come
// from src/config/settings.ts, the routes from the OpenAPI document, the receivers from
// docs/receivers.md. test/docs/readme.test.ts fails if a table is out of date.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createApi } from "../src/api/app.ts";
import { settingsTable } from "../src/config/help.ts";
import { VERSION } from "../src/version.ts";

export const README = join(import.meta.dir, "../README.md");

/** Returns the tables by the names of their markers. */
export function tables(): Record<"settings" | "routes" | "receivers", string> {
  return { settings: settingsTable(), routes: routesTable(), receivers: receivers() };
}

const RECEIVERS = readFileSync(join(import.meta.dir, "receivers.md"), "utf8");
const LANGUAGES = ["Express", "Hono", "Python", "Go", "PHP", "Ruby"];

/** Returns the first code block of each language's section, folded. test/sdk/pages.test.ts runs it. */
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
  /** `[]`: no token needed (OpenAPI 3.1 §4.8.10.1); otherwise the document's own. */
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

/** Returns the paths of /openapi.json. */
function openApiPaths(): Record<string, Record<string, Operation>> {
  const api = createApi({
    stores: unasked(),
    guard: unasked(),
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

/** Replaces what only a request would use: it has every member, and each throws if it is called. */
function unasked(): never {
  const target = () => {
    throw new Error("the OpenAPI document is generated without a request");
  };
  return new Proxy(target, { get: () => unasked() }) as never;
}

/** Returns the text between the markers of `name`. @throws Error if they are missing. */
export function section(readme: string, name: string): string {
  return readme.slice(...bounds(readme, name)).trim();
}

/** Returns the README with its tables generated again. */
export function withTables(readme: string): string {
  let text = readme;
  for (const [name, table] of Object.entries(tables())) {
    const [from, to] = bounds(text, name);
    text = `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`;
  }
  return text;
}

// The formatter does not change the text between its own markers, so the text is compared as it is.
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
