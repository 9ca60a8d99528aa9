// Parked deliveries in the browser: counts that filter, one redelivered, all that match with progress,
// and a stop in between; and rejected elements put back.
import { describe, expect, test } from "bun:test";
import { builtBinary, hasBrowser, openPage, signedIn, useBrowser } from "../../support/browser.ts";
import { eventually } from "../../support/eventually.ts";
import { eventFor, openScene, register } from "../../support/serve-scene.ts";
import { API_TOKEN } from "../../support/service.ts";

const TEST_MS = 120_000;
/** More than one request of the page redelivers. */
const EVENTS = 250;

describe.skipIf(!hasBrowser)("the page of parked deliveries", () => {
  const browser = useBrowser();

  test(
    "counts by reason, filters, redelivers one, and all that match until it is stopped",
    async () => {
      await using scene = await openScene();
      let status = 500;
      const receiver = scene.receiver(() => new Response(null, { status }));
      const service = await scene.serve(
        { FLUXHOOK_RETRY_SCHEDULE: "0s" },
        { binary: await builtBinary() },
      );
      await register(service, { user_id: "u_1", url: receiver.url });
      const off = { user_id: "u_1", url: `${receiver.url}/off`, events: ["file.deleted"] };
      await register(service, { ...off, enabled: false });
      await scene.push(...Array.from({ length: EVENTS }, (_, n) => eventFor("u_1", n)));
      status = 500;
      await receiver.waitFor(EVENTS);
      await eventually(async () => {
        const { body } = await service.api<{ total: number }>("GET", "/v1/parked/summary");
        expect(body.total).toBe(EVENTS);
      });
      status = 404;
      await scene.push(eventFor("u_1", 0, "file.deleted"));
      await receiver.waitFor(EVENTS + 1);

      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await page.getByRole("link", { name: "Parked", exact: true }).click();
      const reasons = page.getByRole("list", { name: "By reason" });
      await reasons.getByRole("link", { name: `${EVENTS} http-500` }).waitFor();
      await reasons.getByRole("link", { name: "1 webhook-disabled" }).waitFor();
      await page.getByText("To redeliver many at once").waitFor();

      await page.getByRole("searchbox", { name: "Id" }).fill("u_1");
      await page.getByRole("button", { name: "Show" }).click();
      await reasons.getByRole("link", { name: "1 http-404" }).click();
      const table = page.getByRole("table", { name: "Parked deliveries" });
      await eventually(async () => expect(await table.getByRole("row").count()).toBe(2));
      status = 204;
      await table.getByRole("button", { name: "Redeliver" }).click();
      await page.getByText("None matches").waitFor();

      // The filter is in the address, and goes with its chip.
      expect(page.url()).toContain("reason=http-404");
      await page.getByRole("link", { name: "reason: http-404" }).click();
      await page.getByRole("button", { name: "Redeliver all that match" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText(`${EVENTS} will be sent again`).waitFor();
      // Stop is pressed while the first request is under way.
      await page.route("**/v1/parked/redeliver", async (route) => {
        await dialog
          .getByRole("button", { name: "Stop" })
          .click({ timeout: 5_000 })
          .catch(() => {});
        await route.continue();
      });
      await dialog.getByRole("button", { name: `Redeliver ${EVENTS}` }).click();

      await dialog.getByText(/Stopped: \d+ of 250 sent again/).waitFor();
      const text = await dialog.getByText("sent again").innerText();
      const [, sent] = /Stopped: (\d+)/.exec(text) ?? [];
      expect(Number(sent)).toBeLessThan(EVENTS);
      await page.unroute("**/v1/parked/redeliver");
      await dialog.getByRole("button", { name: "Close" }).last().click();

      await page.getByRole("button", { name: "Redeliver all that match" }).click();
      await dialog.getByText(`${EVENTS - Number(sent)} will be sent again`).waitFor();
      await dialog.getByRole("button", { name: /^Redeliver \d/ }).click();
      await dialog.getByText(`${EVENTS - Number(sent)} of`).waitFor();
      await dialog.getByRole("button", { name: "Close" }).last().click();
      // Of the disabled webhook it stays, and the button says why it cannot go.
      await eventually(async () => expect(await table.getByRole("row").count()).toBe(2));
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "of rejected elements puts them back, one and all",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve(
        { FLUXHOOK_EVENT_TYPES: "file.created" },
        { binary: await builtBinary() },
      );
      await scene.push(...["a", "b", "c"].map((type) => eventFor("u_1", 1, `order.${type}`)));
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await page.getByRole("link", { name: "Rejected", exact: true }).click();
      const rows = page.locator("details.attempt");
      await eventually(async () => expect(await rows.count()).toBe(3));
      await rows.first().locator("summary").click();
      await rows.first().getByText("is not in the catalogue").waitFor();
      expect(await rows.first().locator("mark").allTextContents()).toEqual([
        '  "event": "order.c",\n',
      ]);
      await page.getByRole("button", { name: "Requeue this one" }).click();
      await page.getByText("Requeued", { exact: true }).waitFor({ state: "attached" });
      // Still no event: it is back, as the newest.
      await eventually(async () =>
        expect(await scene.redis.llen(`${scene.prefix}:rejected`)).toBe(3),
      );
      await eventually(async () => expect(await rows.count()).toBe(3));
      await page.getByRole("button", { name: "Requeue all" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Requeue all" }).click();
      // What is rejected again while the others are pushed counts once more.
      await page.getByText(/^[3-6] requeued$/).waitFor({ state: "attached" });
      await eventually(async () => expect(await rows.count()).toBe(3));
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );
});
