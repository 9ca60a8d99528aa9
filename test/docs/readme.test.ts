// What the README says is what the program does: its tables, its commands, its links.
import { afterAll, describe, expect, test } from "bun:test";
import { basename, join } from "node:path";
import { README, section, tables } from "../../docs/generate.ts";
import manifest from "../../package.json" with { type: "json" };
import { settingRows, SETTINGS, variablesOf, type SettingName } from "../../src/config/settings.ts";
import { settingsHelp } from "../../src/config/help.ts";
import { apiScene, closeScenes } from "../api/api-scene.ts";

const ROOT = join(import.meta.dir, "../..");
const readme = await Bun.file(README).text();
afterAll(closeScenes);

const made = Object.entries(tables()).flatMap(([page, byName]) =>
  Object.entries(byName).map(([name, table]) => [basename(page), name, page, table] as const),
);

test.each(made)(
  "%s has the table of %s as it is (bun docs/generate.ts writes it)",
  async (_, name, page, table) => {
    expect(section(await Bun.file(page).text(), name)).toBe(table);
  },
);

describe("the README's tables", () => {
  test("have a row for every setting, with its default", () => {
    for (const { name, fallback } of settingRows()) {
      const row = section(readme, "settings")
        .split("\n")
        .find((line) => line.startsWith(`| \`${name}\` |`));
      expect(row).toBeDefined();
      expect(row).toContain(fallback);
    }
  });

  test("have a row for every route that the API answers", async () => {
    // Hono keeps middlewares among the routes, under the method ALL.
    const answered = (await apiScene()).app.routes.filter(({ method }) => method !== "ALL");
    const routes = section(readme, "routes");
    for (const { method, path } of answered) {
      expect(routes).toContain(`| \`${method} ${path.replaceAll(/:(\w+)/g, "{$1}")}\` |`);
    }
  });
});

test("--help has every setting", () => {
  const help = settingsHelp();
  for (const { name } of settingRows()) expect(help).toContain(`  ${name} `);
});

test("the scripts that the README runs are in package.json, by the Bun that it names", () => {
  const commands = [...readme.matchAll(/npx -y (bun@[\d.]+) run (\w+)/g)];
  expect(commands.length).toBeGreaterThan(2);
  for (const [, bun, script = ""] of commands) {
    expect(bun).toBe(manifest.packageManager);
    expect(Object.keys(manifest.scripts)).toContain(script);
  }
});

test("every setting that a page names exists", async () => {
  const names = new Set((Object.keys(SETTINGS) as SettingName[]).flatMap(variablesOf));
  for (const page of ["README.md", "CHANGELOG.md", "docs/operations.md"]) {
    const text = await Bun.file(join(ROOT, page)).text();
    const named = text.match(/FLUXHOOK_[A-Z_]+[A-Z]/g) ?? [];
    expect(named.filter((name) => !names.has(name))).toEqual([]);
  }
});

const PAGES = ["README.md", "CHANGELOG.md", ...new Bun.Glob("docs/*.md").scanSync(ROOT)].toSorted();

test.each(PAGES)("every link of %s leads somewhere", async (page) => {
  const text = await Bun.file(join(ROOT, page)).text();
  const links = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
  for (const link of links) {
    const [path = "", anchor] = link.split("#");
    const file = path === "" ? join(ROOT, page) : join(ROOT, page, "..", path);
    expect({ link, exists: await Bun.file(file).exists() }).toEqual({ link, exists: true });
    if (anchor === undefined) continue;
    const headings = (await Bun.file(file).text()).match(/^#+ .*$/gm) ?? [];
    expect(headings.map(anchorOf)).toContain(anchor);
  }
});

function anchorOf(heading: string): string {
  return heading
    .replace(/^#+ /, "")
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
