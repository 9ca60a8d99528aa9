// A few thousand of the expressions of bench/expressions/fuzz.ts, which holds them to 50 ms of CPU. The bar
// here is ten times as high, for the machine may be busy; what is not bounded takes seconds.
import { expect, test } from "bun:test";
import { seededRandom } from "../wire/seeded-random.ts";
import { SAVE_CODES, RUN_CODES } from "../../src/expressions/problem.ts";
import { compileExpression } from "../../src/expressions/expression.ts";
import {
  compile,
  cpuMs,
  hostileBodies,
  MAX_OUTPUT_BYTES,
  prototypes,
  roots,
  scopeOf,
  SLOW_EXPRESSIONS,
  writeExpression,
} from "./hostile.ts";

const BAR_MS = 500;
const bodies = hostileBodies();

test("10,000 random expressions are refused, fail, or give JSON, and reach no prototype", () => {
  const before = prototypes();
  const random = seededRandom(11);
  const [body] = bodies;
  if (body === undefined) throw new Error("no bodies");
  const scope = scopeOf(body);
  let results = 0;
  for (let round = 0; round < 10_000; round++) {
    const compiled = compileExpression(writeExpression(random), roots, {
      field: "value",
      offset: 0,
    });
    if (!compiled.ok) {
      for (const { code } of compiled.problems)
        expect(SAVE_CODES as readonly string[]).toContain(code);
      continue;
    }
    const result = compiled.value.evaluate(scope, MAX_OUTPUT_BYTES);
    if (!result.ok) {
      expect(RUN_CODES as readonly string[]).toContain(result.problem.code);
      continue;
    }
    results++;
    expect(result.json).not.toMatch(/\[native code\]|function |\[object /);
    JSON.parse(result.json);
  }
  expect(results).toBeGreaterThan(500);
  expect(prototypes()).toBe(before);
});

test.each(bodies.map((body) => [body.name, body] as const))(
  "no expression that was written to be slow takes seconds of CPU over a body of 1 MiB: %s",
  (_name, body) => {
    // One in three here, other ones for each body; all of them in bench/expressions/fuzz.ts.
    const first = bodies.indexOf(body) % 3;
    for (const [at, source] of SLOW_EXPRESSIONS.entries()) {
      const expression = at % 3 === first ? compile(source) : null;
      if (expression === null) continue;
      let ms = Infinity;
      for (let round = 0; round < 3 && ms > BAR_MS; round++) {
        const scope = scopeOf(body);
        ms = Math.min(
          ms,
          cpuMs(() => expression.evaluate(scope, MAX_OUTPUT_BYTES)),
        );
      }
      expect({ source, isSlow: ms > BAR_MS }).toEqual({ source, isSlow: false });
    }
  },
);
