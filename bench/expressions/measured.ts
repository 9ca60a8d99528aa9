// Runs in a compiled binary of its own (measure.ts): what the room costs to load and to use.
const EVENTS = 1_000;
const BODY = JSON.stringify({
  id: 1_234_567,
  type: "order.created",
  customer: { name: "Ada", city: "Köln", "e-mail": "ada@example.com" },
  amount: 1_500,
  currency: "EUR",
  lines: [
    { sku: "A", qty: 2 },
    { sku: "B", qty: 5 },
  ],
  notes: "a text of some length, as orders have it",
  paid: true,
});

function rssMb(): number {
  Bun.gc(true);
  return process.memoryUsage().rss / 2 ** 20;
}

/** The best of five, µs of CPU for one call. */
function microseconds(calls: number, run: () => unknown): number {
  let best = Infinity;
  for (let round = 0; round < 5; round++) {
    const before = process.cpuUsage();
    for (let at = 0; at < calls; at++) run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / calls);
  }
  return Math.round(best * 100) / 100;
}

function must<T>(compiled: { ok: true; value: T } | { ok: false }): T {
  if (!compiled.ok) throw new Error("does not compile");
  return compiled.value;
}

async function measure(): Promise<Record<string, number>> {
  const before = rssMb();
  const start = performance.now();
  const { compileFilter } = await import("../../src/expressions/filter.ts");
  const { compileTemplate } = await import("../../src/expressions/template.ts");
  const { compileExpression } = await import("../../src/expressions/expression.ts");
  const { workflowRoots } = await import("../../src/expressions/roots.ts");
  const { workflowScope } = await import("../../src/expressions/workflow-scope.ts");
  must(compileFilter("event.data.amount > 1000"));
  const loadMs = performance.now() - start;
  const loadedMb = rssMb() - before;

  const roots = workflowRoots({ all: new Set(), before: new Set() });
  const place = { field: "value", offset: 0 };
  const scopeOf = (body: string) =>
    workflowScope({ body, query: null, headers: "{}", executionId: "exec-1", nodes: new Map() });
  const expression = (source: string) => must(compileExpression(source, roots, place));
  const path = expression("trigger.data.customer.city");
  const computed = expression("trigger.data.amount > 1000 && trigger.data.currency == 'EUR'");
  const template = must(
    compileTemplate(
      '{"a":"{{trigger.data.id}}","b":"Hello {{trigger.data.customer.name}}"}',
      "value",
      roots,
    ),
  );
  const filter = must(compileFilter("event.data.amount > 1000"));
  const event = {
    id: "evt_1",
    type: "order.created",
    timestamp: "2026-01-02T03:04:05Z",
    data: BODY,
  };
  const kept = scopeOf(BODY);
  return {
    "load, ms": Math.round(loadMs * 10) / 10,
    "RSS when loaded, MB": Math.round(loadedMb * 10) / 10,
    "bytes of the body": BODY.length,
    "path, µs": microseconds(100 * EVENTS, () => path.evaluate(kept, 1_000)),
    "condition, values at hand, µs": microseconds(100 * EVENTS, () =>
      computed.evaluate(kept, 1_000),
    ),
    "condition, body parsed each time, µs": microseconds(20 * EVENTS, () =>
      computed.evaluate(scopeOf(BODY), 1_000),
    ),
    "filter of an event, µs": microseconds(20 * EVENTS, () => filter.judge(event)),
    "template of two paths, µs": microseconds(50 * EVENTS, () => template.render(kept, 1_000)),
    "compile a condition, µs": microseconds(2 * EVENTS, () =>
      expression("trigger.data.amount > 1000 && trigger.data.currency == 'EUR'"),
    ),
    "RSS after all, MB": Math.round(rssMb()),
  };
}

console.log(JSON.stringify(await measure()));
