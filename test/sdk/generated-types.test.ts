// The SDK's types are the API's: what docs/generate.ts makes of the OpenAPI document is what is checked in.
import { expect, test } from "bun:test";
import { basename } from "node:path";
import { sdkTypes } from "../../docs/sdk-types.ts";

test.each(Object.entries(await sdkTypes()).map(([path, text]) => [basename(path), path, text]))(
  "src/sdk/%s is up to date (bun docs/generate.ts writes it)",
  async (_name, path, text) => {
    expect(await Bun.file(path).text()).toBe(text);
  },
);
