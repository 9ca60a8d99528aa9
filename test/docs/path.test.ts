// docs/path-of-a-delivery.md: its table of files is the order in which they import each other.
import { expect, test } from "bun:test";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const page = await Bun.file(join(ROOT, "docs/path-of-a-delivery.md")).text();

/** Each row of the table: a file of src and the one that calls it. */
function steps(): { file: string; caller: string }[] {
  const [, section = ""] = page.split("\n## The files in order\n");
  const [table = ""] = section.split("\n## ");
  const rows = table.matchAll(/^\|[^|]*\| \[`([^`]+)`\][^|]*\| \[`([^`]+)`\]/gm);
  return [...rows].map(([, file = "", caller = ""]) => ({ file, caller }));
}

test("the table of files begins with the worker and has every step", () => {
  const files = steps().map(({ file }) => file);
  expect(files[0]).toBe("worker/worker.ts");
  for (const step of ["claim", "run", "settle", "after"]) {
    expect(files.filter((file) => file.startsWith(`worker/${step}/`)).length).toBeGreaterThan(0);
  }
});

test.each(steps())("$caller imports $file, and comes before it in the table", async (step) => {
  const { file, caller } = step;
  const source = await Bun.file(join(ROOT, "src", caller)).text();
  const paths = [...source.matchAll(/ from "(\.[^"]+)"/g)].map(([, path = ""]) => path);
  const imported = paths.map((path) => join(caller, "..", path));
  expect(imported).toContain(file);
  const files = steps().map((one) => one.file);
  const callerAt = files.indexOf(caller);
  expect(callerAt).toBeLessThan(files.lastIndexOf(file));
  if (caller.startsWith("worker/")) expect(callerAt).toBeGreaterThanOrEqual(0);
});
