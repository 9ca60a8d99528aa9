import { describe, expect, test } from "bun:test";
import { ratesOf } from "../../src/cli/top/figures.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor } from "../support/serve-scene.ts";
import { useCliScene } from "../support/use-scene.ts";

const cli = useCliScene();

describe("fluxhook top", () => {
  test("prints lists, workers and Valkey once where the output is no terminal", async () => {
    const text = await cli.done("top");
    expect(text).toContain(cli.scene.queue);
    expect(text).toMatch(/Valkey \d+\.\d+/);
    expect(text).toMatch(/\d+ of 1024/);
  });

  test("prints JSON for scripts, with rates", async () => {
    const user = cli.newOwner();
    await cli.webhookOf(user);
    await cli.scene.push(eventFor(user), eventFor(user));
    await cli.logged(user, 2);
    interface Shown {
      queues: { name: string }[];
      workers: unknown[];
      rates: { delivered_per_s: number; p50_ms: number | null };
    }
    // The step of 10 s in which they were delivered has to be over.
    const shown = await eventually(
      async () => {
        const now = await cli.json<Shown>("top", "--once");
        return now.rates.delivered_per_s > 0 ? now : null;
      },
      { withinMs: 25_000 },
    );
    expect(shown.queues.map(({ name }) => name)).toEqual([cli.scene.queue]);
    expect(shown.workers).toHaveLength(1);
    expect(shown.rates.p50_ms).toBeGreaterThan(0);
  }, 40_000);

  test("says what needs the operator", async () => {
    const user = cli.newOwner();
    await cli.webhookOf(user, "/dead");
    await cli.scene.push(eventFor(user));
    await eventually(async () => {
      expect(await cli.done("top", "--once")).toContain("can be redelivered");
    });
  });

  test("fails with the reason where no API answers", async () => {
    const { exitCode, stderr } = await cli.run(["top", "--once"], {
      FLUXHOOK_URL: "http://127.0.0.1:1",
    });
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("no API answers")]);
  });
});

test("the step that is not over yet says nothing about the rate", () => {
  const series = {
    delivered: [900, 10, 20, 30, 5],
    retry: [null, null, 30, null, 99],
    parked: [0, 0, 0, 0, 0],
    p50_ms: [1, null, 12, null, null],
  };
  const rates = ratesOf({ start: "", step_s: 10, series });
  expect(rates).toMatchObject({ delivered_per_s: 2, failed_per_s: 1, failing: 0.333, p50_ms: 12 });
});
