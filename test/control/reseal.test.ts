import { expect, test } from "bun:test";
import { ValkeyUnavailable } from "../../src/valkey/connection/errors.ts";
import type { SealedPage } from "../../src/valkey/webhooks/webhook-store.ts";
import { resealStored } from "../../src/control/reseal.ts";
import { logLines } from "../worker/log-lines.ts";

type Step = SealedPage | Error;

/** Runs it on a store with these results, page by page; after the last one the link is closed. */
async function run(steps: Step[]) {
  const asked: (string | null)[] = [];
  const log = logLines();
  await resealStored({
    stores: {
      webhooks: {
        async sealPage(after) {
          asked.push(after);
          const step = steps.shift() ?? new ValkeyUnavailable("closed");
          if (step instanceof Error) throw step;
          return step;
        },
      },
    },
    link: { whenUp: async () => steps.length > 0 },
    log,
  });
  return { asked, lines: log.lines };
}

const sealedLine = (webhooks: number, done = true) => ({
  level: "info",
  event: "secrets.sealed",
  fields: { webhooks, done },
});

const page = (next: string | null, sealed = 0, unreadable = 0) => ({ next, sealed, unreadable });

test("resealing goes from page to page and reports how many webhooks it has sealed", async () => {
  const { asked, lines } = await run([page("7", 3), page("9"), page(null, 2)]);
  expect(asked).toEqual([null, "7", "9"]);
  expect(lines).toEqual([sealedLine(5)]);
});

test("resealing reports its progress if there are many webhooks", async () => {
  const { lines } = await run([page("1", 999), page("2", 1), page("3", 500), page(null, 1)]);
  expect(lines).toEqual([sealedLine(1_000, false), sealedLine(1_501)]);
});

test("resealing does not report done if a key is missing, or the operator would remove a key that is needed", async () => {
  const { lines } = await run([page("1", 1, 2), page(null, 0, 1)]);
  expect(lines).toEqual([
    {
      level: "error",
      event: "secrets.unreadable",
      fields: expect.objectContaining({ webhooks: 1, unreadable: 3 }),
    },
  ]);
});

test("resealing repeats the page after an outage, the first one too", async () => {
  const away = () => new ValkeyUnavailable("away");
  const { asked, lines } = await run([away(), page("7", 1), away(), away(), page(null, 1)]);
  expect(asked).toEqual([null, null, "7", "7", "7"]);
  expect(lines).toEqual([sealedLine(2)]);
});

test("resealing ends without a log line if the link is closed", async () => {
  const { lines } = await run([page("7", 1)]);
  expect(lines).toEqual([]);
});

test("an unexpected error ends resealing with an error line, not with an exception", async () => {
  const fault = new Error("wrong type");
  const { lines } = await run([page("7", 1), fault, page(null)]);
  expect(lines).toEqual([
    { level: "error", event: "secrets.sealing_failed", fields: { err: fault, webhooks: 1 } },
  ]);
});
