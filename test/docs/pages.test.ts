// The pages for contributors: their links lead somewhere, and the commands that they name exist.
import { existsSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };

const ROOT = join(import.meta.dir, "../..");
const read = (file: string) => Bun.file(join(ROOT, file)).text();

const DECISIONS = [...new Bun.Glob("docs/decisions/*.md").scanSync(ROOT)].toSorted();
const PAGES = ["CONTRIBUTING.md", ".github/PULL_REQUEST_TEMPLATE.md", ...DECISIONS];

/** As GitHub makes anchors of headings. */
function anchorOf(heading: string): string {
  return heading
    .replace(/^#+ /, "")
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}

describe.each(PAGES)("%s", (page) => {
  test("has only links that lead somewhere", async () => {
    const text = await read(page);
    const links = [...text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = ""]) => link);
    for (const link of links) {
      const [path = "", anchor] = link.split("#");
      const file = path === "" ? page : join(page, "..", path);
      expect([link, await Bun.file(join(ROOT, file)).exists()]).toEqual([link, true]);
      if (anchor === undefined) continue;
      const headings = (await read(file)).match(/^#+ .*$/gm) ?? [];
      expect(headings.map(anchorOf)).toContain(anchor);
    }
  });

  test("names only scripts that package.json has", async () => {
    const scripts = [...(await read(page)).matchAll(/bun(?:@[\d.]+)? run ([\w:]+)/g)];
    const unknown = scripts.filter(([, name = ""]) => !(name in manifest.scripts));
    expect(unknown.map(([command]) => command)).toEqual([]);
  });
});

test("CONTRIBUTING.md names the Bun of package.json and every script for contributors", async () => {
  const page = await read("CONTRIBUTING.md");
  const named = page.match(/bun@[\d.]+/g) ?? [];
  expect(new Set(named)).toEqual(new Set([manifest.packageManager]));
  for (const script of ["watch", "test:unit", "test:e2e", "generate", "faults", "release"]) {
    expect(page).toContain(`bun run ${script}`);
  }
});

describe("docs/decisions/README.md", () => {
  test("lists every record under its title", async () => {
    const index = await read("docs/decisions/README.md");
    for (const record of DECISIONS.filter((file) => !file.endsWith("README.md"))) {
      const [title = ""] = (await read(record)).split("\n");
      const link = `[${title.replace("# ", "")}](${record.split("/").at(-1)})`;
      expect(index).toContain(link);
    }
  });

  test("is right that every record has a context, a decision, its consequences and figures", async () => {
    for (const record of DECISIONS.filter((file) => !file.endsWith("README.md"))) {
      const headings = (await read(record)).match(/^## .*$/gm);
      expect([record, headings]).toEqual([
        record,
        ["## Context", "## Decision", "## Consequences", "## Figures"],
      ]);
    }
  });
});

test("the pre-commit hook is executable and runs only scripts that package.json has", async () => {
  const { mode } = await Bun.file(join(ROOT, ".githooks/pre-commit")).stat();
  expect(mode & 0o111).toBe(0o111);
  const scripts = [...(await read(".githooks/pre-commit")).matchAll(/run --silent ([\w:]+)/g)];
  expect(scripts.map(([, name]) => name)).toEqual(["lint:fast"]);
  expect(manifest.scripts["lint:fast"]).toBe(manifest.scripts.lint.replace(" --type-aware", ""));
});

test("the bug report asks for fluxhook doctor --json", async () => {
  const form = Bun.YAML.parse(await read(".github/ISSUE_TEMPLATE/bug_report.yml")) as {
    body: { id?: string; validations?: { required?: boolean }; attributes: { label?: string } }[];
  };
  const doctor = form.body.find(({ id }) => id === "doctor");
  expect(doctor?.attributes.label).toBe("`fluxhook doctor --json`");
  expect(doctor?.validations?.required).toBe(true);
});

/** Pages that name files of the source in code spans. */
const NAMES_SOURCE = ["CONTRIBUTING.md", "docs/design.md", ...DECISIONS];

test.each(NAMES_SOURCE)("%s names only files and folders that exist", async (page) => {
  const paths = (await read(page)).match(/(?<=`)(?:src|test|docs)\/[\w./-]+(?=`)/g) ?? [];
  const missing = paths.filter((path) => !existsSync(join(ROOT, path)));
  expect(missing).toEqual([]);
});
