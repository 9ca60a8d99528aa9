// Every command's --help is enough to use it, and so is docs/cli.md: a walk through all of them.
import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runFluxhook } from "../support/service.ts";

interface Help {
  /** `webhooks create`; empty for fluxhook itself. */
  name: string;
  text: string;
  options: { flags: string; description: string }[];
  arguments: { flags: string; description: string }[];
  subcommands: string[];
}

const MAX_COLUMNS = 110;

const pages: Help[] = [];
beforeAll(async () => {
  const names = [""];
  for (const name of names) {
    const args = [...name.split(" ").filter((word) => word !== ""), "--help"];
    const { exitCode, stdout, stderr } = await runFluxhook(args);
    if (exitCode !== 0 || stderr !== "") throw new Error(`${name} --help: ${exitCode} ${stderr}`);
    const page = readHelp(name, stdout);
    pages.push(page);
    names.push(...page.subcommands.map((sub) => `${name} ${sub}`.trim()));
  }
}, 60_000);

function readHelp(name: string, text: string): Help {
  const entries = (title: string) => {
    const section = new RegExp(`^${title}:\n((?:  .*\n)+)`, "m").exec(text)?.[1] ?? "";
    // An entry begins with two spaces; more of them go on with the one before.
    return section.split(/\n(?= {2}\S)/).flatMap((entry) => {
      const [flags = "", ...description] = entry.trim().split(/ {2,}|\n +/);
      return flags === "" ? [] : [{ flags, description: description.join(" ") }];
    });
  };
  return {
    name,
    text,
    options: entries("Options"),
    arguments: entries("Arguments"),
    subcommands: entries("Commands")
      .map(({ flags }) => flags.split(" ")[0] ?? "")
      .filter((sub) => sub !== "help"),
  };
}

const leaves = () => pages.filter(({ subcommands }) => subcommands.length === 0);

test("the walk finds every command that a file of src/cli adds", async () => {
  const folder = join(import.meta.dir, "../../src/cli");
  const added = new Set<string>();
  for (const file of new Bun.Glob("**/*.ts").scanSync(folder)) {
    const source = await Bun.file(join(folder, file)).text();
    for (const [, name = ""] of source.matchAll(/\.command\("([a-z]+)/g)) added.add(name);
  }
  const named = new Set(pages.flatMap(({ name }) => name.split(" ").at(-1) ?? ""));
  expect(added.size).toBeGreaterThan(15);
  expect([...added].filter((name) => !named.has(name))).toEqual([]);
});

describe("every help page", () => {
  test("describes the command, every option and every argument", () => {
    for (const { name, text, options, arguments: args } of pages) {
      const [, description = ""] = /^Usage: .*\n\n(.+)/.exec(text) ?? [];
      expect([name, description.length > 10]).toEqual([name, true]);
      expect([name, options.length > 0]).toEqual([name, true]);
      for (const { flags, description: words } of [...options, ...args]) {
        expect([name, flags, words.length > 5]).toEqual([name, flags, true]);
      }
    }
  });

  test("lists all options and arguments of its first line", () => {
    for (const { name, text, arguments: args } of pages) {
      const [usage = ""] = text.split("\n");
      const named = [...usage.matchAll(/[<[](\w+)(?:\.\.\.)?[>\]]/g)].map(([, word]) => word);
      const own = named.filter((word) => word !== "options" && word !== "command");
      expect([name, args.map(({ flags }) => flags)]).toEqual([name, own as string[]]);
    }
  });

  test("has an example of this command", () => {
    for (const { name, text } of pages) {
      const [, example = ""] = /^Examples?:\n {2}(.+)/m.exec(text) ?? [];
      expect([name, example]).toEqual([name, expect.stringContaining(`fluxhook ${name}`.trim())]);
    }
  });

  test("fits a terminal, except for the examples", () => {
    for (const { name, text } of pages) {
      const [before = ""] = text.split(/^Examples?:/m);
      const longest = before.split("\n").toSorted((a, b) => b.length - a.length)[0] ?? "";
      expect([name, longest.length <= MAX_COLUMNS ? "" : longest]).toEqual([name, ""]);
    }
  });
});

test("every command that prints data has --json", () => {
  const withoutData = ["serve", "dev", "health", "completion"];
  for (const { name, options } of leaves()) {
    const has = options.some(({ flags }) => flags.startsWith("--json"));
    expect([name, has]).toEqual([name, !withoutData.includes(name)]);
  }
});

test("docs/cli.md has every command, and no unknown command or option", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/cli.md")).text();
  for (const { name } of leaves()) expect(page).toContain(`fluxhook ${name}`);
  const known = new Set(pages.flatMap(({ text }) => text.match(/--[a-z][a-z-]+/g) ?? []));
  const named = page.match(/(?<=[\s`(])--[a-z][a-z-]+/g) ?? [];
  expect(named.filter((flag) => !known.has(flag))).toEqual([]);
  expect(named.length).toBeGreaterThan(20);
  const commands = new Set(pages.map(({ name }) => name.split(" ")[0] ?? ""));
  const shown = [...page.matchAll(/fluxhook ([a-z]+)\b/g)].map(([, name = ""]) => name);
  expect(shown.filter((name) => !commands.has(name))).toEqual([]);
});
