// The live page in the browser: what it shows and when it stands still; many tabs; outages; and the
// search and the webhooks of everybody.
import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { visible } from "../../../src/dashboard/web/visible-text.ts";
import {
  builtBinary,
  hasBrowser,
  openPage,
  overflow,
  signedIn,
  useBrowser,
} from "../../support/browser.ts";
import { eventually } from "../../support/eventually.ts";
import { HOSTILE_STRINGS } from "../../support/hostile-strings.ts";
import { eventFor, openScene, register, type Scene } from "../../support/serve-scene.ts";
import { API_TOKEN, type ServiceProcess } from "../../support/service.ts";

const TEST_MS = 120_000;
const PHONE = { viewport: { width: 390, height: 844 } };

const rows = (page: Page) => page.locator("details.attempt");
const mode = (page: Page, text: RegExp) => page.getByRole("status").filter({ hasText: text });

async function openLive(page: Page, hash = "#/live"): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  await page.getByRole("heading", { name: "Live", exact: true }).waitFor();
}

async function serveBuilt(scene: Scene, env: Record<string, string> = {}) {
  return scene.serve({ FLUXHOOK_RETRY_SCHEDULE: "0s", ...env }, { binary: await builtBinary() });
}

/** A link that signs the operator in, and opens the webhooks of everybody. */
const webhooksOf = ({ url }: ServiceProcess) => `${signedIn(`${url}/`, API_TOKEN)}&to=%2Fwebhooks`;

describe.skipIf(!hasBrowser)("the live page", () => {
  const browser = useBrowser();

  test(
    "shows attempts of everybody as they are made, narrowed in the address, and stands still while somebody reads",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver(
        ({ path }) => new Response(null, { status: path === "/dead" ? 500 : 204 }),
      );
      const service = await serveBuilt(scene);
      await register(service, { user_id: "u_1", url: receiver.url });
      await register(service, { org_id: "o_2", url: `${receiver.url}/dead` });
      await using opened = await openPage(browser, webhooksOf(service));
      const { page, faults } = opened;
      await page.getByRole("link", { name: "Live", exact: true }).click();
      await mode(page, /^Live$/).waitFor();
      await scene.push(eventFor("u_1", 1));
      await rows(page).filter({ hasText: "user u_1" }).waitFor();
      await scene.push('{"org_id":"o_2","event":"user.left","data":{}}');
      await rows(page).filter({ hasText: "organisation o_2" }).waitFor();
      // The newest is on top.
      expect(await rows(page).first().innerText()).toContain("user.left");

      await page.locator("h1").focus();
      await page.keyboard.press("Space");
      await mode(page, /^Paused$/).waitFor();
      await scene.push(eventFor("u_1", 2));
      await page.getByRole("button", { name: "Resume, 1 new" }).waitFor();
      expect(await rows(page).count()).toBe(2);
      await page.keyboard.press("Space");
      await eventually(async () => expect(await rows(page).count()).toBe(3));

      await rows(page).first().locator("summary[data-row]").click();
      await mode(page, /^Paused$/).waitFor();
      await rows(page).first().getByText("Delivery id").waitFor();
      await page.getByRole("button", { name: "Resume, 0 new" }).click();
      await rows(page).first().locator("summary[data-row]").click();
      await page.locator("details.attempt .event").first().dblclick();
      await mode(page, /^Paused$/).waitFor();
      await page.getByRole("button", { name: /Resume/ }).click();

      await page.getByLabel("Outcome").selectOption("failed");
      expect(page.url()).toContain("outcome=failed");
      await mode(page, /^Live$/).waitFor();
      await eventually(async () => {
        await scene.push(eventFor("u_1", 3), '{"org_id":"o_2","event":"user.left","data":{}}');
        expect(await rows(page).count()).toBeGreaterThan(0);
      });
      expect(await page.getByText("user u_1", { exact: true }).count()).toBe(0);
      await page.getByLabel("Event type").fill("a..b");
      await page.keyboard.press("Enter");
      await page.getByText("event: must be").waitFor();
      await page.getByLabel("Event type").fill("user.*");
      await page.keyboard.press("Enter");
      await mode(page, /^Live$/).waitFor();
      expect(faults.filter((fault) => !fault.includes("status of 422"))).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "of the portal shows the owner's own attempts and nobody else's",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver();
      const service = await serveBuilt(scene);
      await register(service, { user_id: "u_1", url: receiver.url });
      await register(service, { user_id: "u_2", url: `${receiver.url}/two` });
      const { body } = await service.api("POST", "/v1/tokens", { user_id: "u_1" });
      const link = signedIn(`${service.url}/portal`, String(body["token"]));
      await using opened = await openPage(browser, link, PHONE);
      const { page, faults } = opened;
      await page.getByRole("heading", { name: "Webhooks" }).waitFor();
      await openLive(page);
      await mode(page, /^Live$/).waitFor();
      await scene.push(eventFor("u_2", 1, "canary.event"), eventFor("u_1", 1));
      await rows(page).first().waitFor();
      await receiver.waitFor(2);
      await page.waitForTimeout(1_000);
      expect(await rows(page).count()).toBe(1);
      expect(await page.content()).not.toContain("canary.event");
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "streams in three of twelve tabs, shows attempts in all, and another takes over when one closes",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver();
      const service = await serveBuilt(scene);
      await register(service, { user_id: "u_1", url: receiver.url });
      const link = `${signedIn(`${service.url}/`, API_TOKEN)}&to=%2Flive%3Fuser_id%3Du_1`;
      await using opened = await openPage(browser, link);
      const { page, faults } = opened;
      await mode(page, /^Live$/).waitFor();
      const tabs = [page];
      for (let n = 1; n < 12; n += 1) {
        const tab = await page.context().newPage();
        await tab.goto(link);
        await mode(tab, /^(Live|Every two seconds.*)$/).waitFor();
        tabs.push(tab);
      }
      const live = async () => {
        const counts = await Promise.all(tabs.map((tab) => mode(tab, /^Live$/).count()));
        return counts.reduce((sum, count) => sum + count, 0);
      };
      expect(await live()).toBe(3);
      await scene.push(eventFor("u_1", 1));
      for (const tab of tabs) await rows(tab).first().waitFor();
      const [closed] = tabs.splice(0, 1);
      await closed?.close();
      await eventually(async () => expect(await live()).toBe(3));
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "says that Fluxhook is away, and goes on by itself when it is back",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver();
      const service = await serveBuilt(scene);
      const { port } = new URL(service.url);
      await register(service, { user_id: "u_1", url: receiver.url });
      await using opened = await openPage(browser, webhooksOf(service));
      const { page } = opened;
      await page.getByRole("table", { name: "Webhooks" }).waitFor();
      await openLive(page, "#/live?user_id=u_1");
      await mode(page, /^Live$/).waitFor();
      await scene.push(eventFor("u_1", 1));
      await eventually(async () => expect(await rows(page).count()).toBe(1));
      await service.stop();
      await page.getByText("Fluxhook has not answered since").waitFor();
      await serveBuilt(scene, { FLUXHOOK_PORT: port });
      await scene.push(eventFor("u_1", 2));
      // What was made meanwhile too, and each once.
      await eventually(async () => expect(await rows(page).count()).toBe(2));
      await mode(page, /^Live$/).waitFor();
    },
    TEST_MS,
  );

  test(
    "shows what others wrote as the text that it is",
    async () => {
      await using scene = await openScene();
      const service = await serveBuilt(scene);
      await using opened = await openPage(browser, webhooksOf(service), PHONE);
      const { page, faults } = opened;
      await page.getByRole("heading", { name: "Webhooks" }).waitFor();
      await openLive(page);
      await mode(page, /^Live$/).waitFor();
      const attempts = HOSTILE_STRINGS.map((text, n) =>
        JSON.stringify({
          delivery_id: `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`,
          webhook_id: text || "wh_1",
          id: text,
          endpoint: text,
          event: text || "an.event",
          status_code: null,
          duration_ms: 1,
          attempt: 1,
          outcome: "parked",
          reason: text,
          next_attempt_at: null,
          timestamp: text,
          user_id: text,
        }),
      );
      await scene.redis.publish(`${scene.prefix}:live`, ["{}", ...attempts].join("\n"));
      await eventually(async () => expect(await rows(page).count()).toBe(attempts.length));
      const shown = await page.locator("details.attempt .event bdi").allTextContents();
      expect(shown.toReversed()).toEqual(
        HOSTILE_STRINGS.map((text) => visible(text || "an.event")),
      );
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(await page.evaluate("window.__pwned")).toBeUndefined();
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );
});

describe.skipIf(!hasBrowser)("the form of a webhook", () => {
  const browser = useBrowser();

  test(
    "offers to be told about the owner's other webhooks, beside the catalogue",
    async () => {
      await using scene = await openScene();
      const service = await serveBuilt(scene);
      const { body } = await service.api("POST", "/v1/tokens", { user_id: "u_1" });
      const link = signedIn(`${service.url}/portal`, String(body["token"]));
      await using opened = await openPage(browser, link);
      const { page, faults } = opened;
      await page.getByRole("button", { name: "Add a webhook" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("URL").fill("http://127.0.0.1:9/told");
      await dialog.getByLabel("Only the events that I choose").check();
      await dialog.getByText("About your other webhooks").waitFor();
      await dialog.getByRole("checkbox", { name: /^webhook\.disabled/ }).check();
      await dialog.getByRole("checkbox", { name: /^delivery\.parked/ }).check();
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.getByText("This is its secret").waitFor();
      const { body: list } = await service.api<{ webhooks: { events: string[] }[] }>(
        "GET",
        "/v1/webhooks",
      );
      expect(list.webhooks.map(({ events }) => events)).toEqual([
        ["webhook.disabled", "delivery.parked"],
      ]);
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );
});

describe.skipIf(!hasBrowser)("the operator", () => {
  const browser = useBrowser();

  test(
    "finds a webhook, an owner and a delivery with one box, and sees the webhooks of everybody by state",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver(
        ({ path }) => new Response(null, { status: path === "/dead" ? 500 : 204 }),
      );
      const service = await serveBuilt(scene);
      const fine = await register(service, { user_id: "u_1", url: `${receiver.url}/fine` });
      const dead = await register(service, { org_id: "o_2", url: `${receiver.url}/dead` });
      const off = { user_id: "u_3", url: `${receiver.url}/off`, enabled: false };
      await register(service, off);
      await scene.push('{"org_id":"o_2","event":"file.created","data":{}}');
      await eventually(async () => {
        const { body } = await service.api<{ total: number }>("GET", "/v1/parked/summary");
        expect(body.total).toBe(1);
      });
      await using opened = await openPage(browser, webhooksOf(service));
      const { page, faults } = opened;
      const table = page.getByRole("table", { name: "Webhooks" });
      await eventually(async () => expect(await table.getByRole("row").count()).toBe(4));
      await page.getByRole("link", { name: "Failing", exact: true }).click();
      await eventually(async () => expect(await table.getByRole("row").count()).toBe(2));
      await table.getByRole("link", { name: "organisation o_2" }).waitFor();
      await page.getByRole("link", { name: "Disabled", exact: true }).click();
      await table.getByRole("link", { name: "user u_3" }).waitFor();

      const search = async (text: string) => {
        await page.locator("h1").focus();
        await page.keyboard.press("f");
        const box = page.getByRole("searchbox", { name: /^Search/ });
        await box.fill(text);
        await page.keyboard.press("Enter");
      };
      await search(fine.id);
      await page.getByRole("heading", { name: "Last attempts" }).waitFor();
      expect(page.url()).toContain(fine.id);
      await search("127.0.0.1");
      await eventually(async () => {
        const found = page.getByRole("list", { name: "Found" }).getByRole("listitem");
        expect(await found.count()).toBe(3);
      });
      await search("o_2");
      await page.getByRole("link", { name: /organisation o_2.*1 webhooks/ }).click();
      await page.getByRole("button", { name: "Add a webhook" }).waitFor();
      const { body } = await service.api<{ parked: { delivery_id: string }[] }>(
        "GET",
        "/v1/parked",
      );
      await search(body.parked[0]?.delivery_id ?? "");
      await page.getByRole("region", { name: "Attempts" }).waitFor();
      expect(page.url()).toContain("#/deliveries/");
      await page.getByText(dead.id).first().waitFor();
      await search("u_new");
      await page.getByRole("link", { name: "the user" }).click();
      await page.getByText("No webhook yet").waitFor();
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );
});
