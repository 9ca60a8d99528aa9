// The SDK imports only wire/ and runs on Node, Deno, Workers and Bun.
import { expect, test } from "bun:test";

const folder = `${import.meta.dir}/../../src/wire`;
const files = [...new Bun.Glob("**/*.ts").scanSync(folder)].toSorted();

/** Pure JavaScript without dependencies. */
const PORTABLE = new Set(["zod", "eventsource-parser"]);

test.each(files)(
  "wire/%s needs nothing but portable packages and what every runtime has",
  async (file) => {
    const source = await Bun.file(`${folder}/${file}`).text();
    const imported = new Bun.Transpiler({ loader: "ts" })
      .scanImports(source)
      .map(({ path }) => path);
    expect(imported.filter((path) => !PORTABLE.has(path) && !path.startsWith("."))).toEqual([]);
    expect(imported.filter((path) => path.startsWith("../../"))).toEqual([]);
    const code = source.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, "");
    expect(code.match(/\b(?:Bun\.|Buffer\.|process\.|Deno\.)\w+/g)).toBeNull();
  },
);
