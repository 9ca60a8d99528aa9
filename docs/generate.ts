// Writes what is generated from the source, `bun docs/generate.ts`: the tables of README.md (settings, routes,
// receivers) and of docs/dialects.md between their markers, and the SDK's types. test/docs/readme.test.ts
// and test/sdk/generated-types.test.ts fail if something is out of date.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { settingsTable } from "../src/config/help.ts";
import { DIALECT_NAMES, dialectOf } from "../src/wire/dialects/registry.ts";
import type { OwnSignature } from "../src/wire/dialects/dialect.ts";
import { formatDuration } from "../src/wire/duration.ts";
import { METRICS } from "../src/metrics/expose.ts";
import { openApiDocument } from "./openapi-document.ts";
import { sdkTypes } from "./sdk-types.ts";

export const README = join(import.meta.dir, "../README.md");

const DIALECTS = join(import.meta.dir, "dialects.md");
const METRICS_PAGE = join(import.meta.dir, "metrics.md");

/** Returns the tables of each page by the names of their markers. */
export function tables(): Record<string, Record<string, string>> {
  return {
    [README]: { settings: settingsTable(), routes: routesTable(), receivers: receivers() },
    [DIALECTS]: { dialects: dialectsTable() },
    [METRICS_PAGE]: { metrics: metricsTable() },
  };
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
  const paths = openApiDocument().paths as Record<string, Record<string, Operation>>;
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { summary = "", security }]) => {
      const token = security?.length === 0 ? " (no token)" : "";
      return `| \`${method.toUpperCase()} ${path}\` | ${summary}${token} |`;
    }),
  );
  return ["| route | |", "| --- | --- |", ...rows].join("\n");
}

/** Every metric of `GET /metrics`. */
function metricsTable(): string {
  const rows = METRICS.map(({ name, type, labels, help }) =>
    row([inCode(name), type, labels.map(inCode).join(", "), help]),
  );
  return [row(["metric", "type", "labels", ""]), row(["---", "---", "---", "---"]), ...rows].join(
    "\n",
  );
}

/** What a request of each dialect has, and the defaults of its webhooks. */
function dialectsTable(): string {
  const rows = DIALECT_NAMES.map((name) => {
    const { headers, ownSignature, timeoutMs, retryScheduleMs, disableRule } = dialectOf(name);
    const cells = [
      `[\`${name}\`](#${name})`,
      Object.keys(headers).map(inCode).join(", ") || "none",
      ownSignature === null ? "none" : inCode(signatureForm(ownSignature)),
      ownSignature === null ? "" : inCode(`${ownSignature.prefix(SECONDS)}<body>`),
      formatDuration(timeoutMs),
      inCode(JSON.stringify(retryScheduleMs.map(formatDuration))),
      disableRule === null ? "never" : inCode(JSON.stringify(disableRule)),
    ];
    return row(cells).replaceAll(String(SECONDS), "<seconds>");
  });
  const titles =
    "dialect|its headers|its own signature|signed text|time-out|schedule|disabled automatically";
  return [row(titles.split("|")), row(titles.split("|").map(() => "---")), ...rows].join("\n");
}

/** An arbitrary time. */
const SECONDS = 1_769_860_801;

function signatureForm(own: OwnSignature): string {
  return `${own.header}: ${own.write(["<hex>"], SECONDS)}`;
}

function inCode(text: string): string {
  return `\`${text}\``;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Returns the text between the markers of `name`. @throws Error if they are missing. */
export function section(page: string, name: string): string {
  return page.slice(...bounds(page, name)).trim();
}

/** Returns the page with its tables generated again. */
function withTables(page: string, made: Record<string, string>): string {
  let text = page;
  for (const [name, table] of Object.entries(made)) {
    const [from, to] = bounds(text, name);
    text = `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`;
  }
  return text;
}

// The formatter does not change the text between its own markers, so the text is compared as it is.
function bounds(page: string, name: string): [from: number, to: number] {
  const begin = `<!-- ${name}: made by docs/generate.ts -->\n<!-- prettier-ignore-start -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf("<!-- prettier-ignore-end -->", from);
  if (from < 0 || to < 0) throw new Error(`the page has no markers of the ${name} table`);
  return [from + begin.length, to];
}

if (import.meta.main) {
  for (const [page, made] of Object.entries(tables())) {
    await Bun.write(page, withTables(await Bun.file(page).text(), made));
  }
  for (const [path, text] of Object.entries(await sdkTypes())) await Bun.write(path, text);
}
