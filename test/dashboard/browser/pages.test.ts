// Every page, in light, in dark and on a telephone: nobody is kept out (axe), nothing is cut off, nothing
// is written to the console. FLUXHOOK_TEST_SCREENSHOTS names a folder that gets a picture of each.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import {
  builtBinary,
  hasBrowser,
  openPage,
  overflow,
  seriousFindings,
  signedIn,
  useBrowser,
} from "../../support/browser.ts";
import { eventually } from "../../support/eventually.ts";
import { openPictureScene, type PageScene } from "../../support/picture-scene.ts";
import { eventFor, openScene, register } from "../../support/serve-scene.ts";
import { API_TOKEN, type ServiceProcess } from "../../support/service.ts";

const PAGES_MS = 180_000;
const PICTURES = process.env.FLUXHOOK_TEST_SCREENSHOTS;

const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: "light", viewport: { width: 1200, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1200, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
};

/** What is opened on the way, and what shows that it is there. */
interface Stop {
  name: string;
  hash: string;
  ready: string;
  open?: (page: Page) => Promise<void>;
  /** Of its picture, where more than the first screen is worth seeing. */
  height?: number;
}

interface Logs {
  logs: { delivery_id: string }[];
}

const openFirst = (page: Page) => page.locator("details.attempt > summary").first().click();

describe.skipIf(!hasBrowser)("every page", () => {
  const browser = useBrowser();
  let scene: PageScene;
  let service: ServiceProcess;
  let failing: string;
  let delivery: string;
  let portal: string;
  beforeAll(async () => {
    const binary = await builtBinary();
    scene = await (PICTURES ? openPictureScene(binary) : openPlainScene(binary));
    ({ service, failing, delivery, portal } = scene);
  }, PAGES_MS);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  /** Something happens while the page is open. */
  async function showAttempts(page: Page): Promise<void> {
    await page
      .getByRole("status")
      .filter({ hasText: /^Live$/ })
      .waitFor();
    await scene.push();
    await page.locator("details.attempt").first().waitFor();
    // What was sent and answered is stored a moment later.
    await eventually(async () => {
      const { body } = await service.api<Logs>("GET", "/v1/users/u_1/logs");
      const paths = body.logs.map(({ delivery_id: id }) => `/v1/deliveries/${id}`);
      const answers = await Promise.all(paths.map((path) => service.api("GET", path)));
      return answers.every(({ status }) => status === 200);
    });
  }

  async function visit(page: Page, look: string, stops: readonly Stop[]): Promise<void> {
    for (const { name, hash, ready, open, height } of stops) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await page.getByText(ready).first().waitFor();
      await open?.(page);
      const wide = await overflow(page);
      expect({
        name,
        look,
        wide: Math.max(0, wide),
        findings: await seriousFindings(page),
      }).toEqual({ name, look, wide: 0, findings: [] });
      if (PICTURES) await takePicture(page, `${name}-${look}`, height);
      await page.keyboard.press("Escape");
    }
  }

  test.each(Object.entries(LOOKS))(
    "of the operator can be read and used, %s",
    async (look, options) => {
      await using opened = await openPage(browser, `${service.url}/`, options);
      const { page, faults } = opened;
      await page.getByLabel("API token").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      if (PICTURES) await page.screenshot({ path: join(PICTURES, `sign-in-${look}.png`) });
      await page.getByLabel("API token").fill(API_TOKEN);
      await page.keyboard.press("Enter");
      await page.getByText("Activity").waitFor();
      await visit(page, look, [
        {
          name: "overview",
          hash: "#/overview",
          ready: "Workers",
          height: 1_000,
          open: async (at) => {
            await at.locator(".u-over").nth(2).waitFor();
            await at.getByText("Review and redeliver").first().waitFor();
          },
        },
        {
          name: "overview-charts",
          hash: "#/overview?charts",
          ready: "Workers",
          open: async (at) => {
            await at.getByRole("button", { name: "Last day" }).click();
            await at.getByText("As a table").first().click();
            await at.locator(".u-over").nth(1).hover();
          },
        },
        { name: "all-webhooks", hash: "#/webhooks", ready: "user u_1" },
        { name: "disabled", hash: "#/webhooks?state=disabled", ready: "Disabled: " },
        {
          name: "live",
          hash: "#/live",
          ready: "No attempt since",
          open: async (at) => {
            await showAttempts(at);
            await openFirst(at);
          },
        },
        { name: "search", hash: "#/search?q=u_1", ready: "webhooks, " },
        { name: "search-nothing", hash: "#/search?q=nowhere", ready: "Nothing found" },
        { name: "webhooks", hash: "#/webhooks?user_id=u_1", ready: "Failing" },
        {
          name: "add",
          hash: "#/webhooks?user_id=u_1",
          ready: "Failing",
          height: 1_300,
          open: async (at) => {
            await at.getByRole("button", { name: "Add a webhook" }).click();
            await at.getByLabel("Only the events that I choose").check();
            await at.getByText("What a request looks like").click();
            await at.getByText("More: filter").click();
          },
        },
        { name: "webhook", hash: `#/webhooks/${failing}`, ready: "Failed", open: openFirst },
        {
          name: "rotate",
          hash: `#/webhooks/${failing}?rotate`,
          ready: "Failed",
          open: async (at) => {
            await at.getByRole("button", { name: "Reveal" }).click();
            await at.locator("[data-secret]", { hasText: "whsec_" }).waitFor();
            await at.getByRole("button", { name: "Rotate", exact: true }).click();
          },
        },
        {
          name: "delete",
          hash: `#/webhooks/${failing}?delete`,
          ready: "Failed",
          open: (at) => at.getByRole("button", { name: "Delete", exact: true }).click(),
        },
        {
          name: "delivery",
          hash: `#/deliveries/${delivery}`,
          ready: "Verify like this",
          height: 1_200,
        },
        {
          name: "verify",
          hash: `#/deliveries/${delivery}?verify`,
          ready: "Verify like this",
          height: 2_300,
          open: async (at) => {
            await at.getByText("Verify like this").click();
            await at.getByRole("button", { name: "Verify it" }).click();
            await at.getByText("webhook-signature matches").waitFor();
          },
        },
        { name: "parked", hash: "#/parked?user_id=u_1", ready: "The server answered 500" },
        { name: "rejected", hash: "#/rejected", ready: "Not JSON", open: openFirst },
        { name: "workflows", hash: "#/workflows", ready: "Order intake" },
        {
          name: "workflow",
          hash: "#/workflows/orders",
          ready: "Executions",
          height: 1_500,
          open: async (at) => {
            await at.locator("svg.diagram .box").first().waitFor();
            await at.getByRole("region", { name: "Node by node" }).waitFor();
          },
        },
        { name: "send", hash: "#/send?user_id=u_1", ready: "Push the event" },
        {
          name: "access",
          hash: "#/access",
          ready: "Make a link",
          open: async (at) => {
            await at.getByLabel("User id").fill("u_1");
            await at.getByRole("button", { name: "Make a link" }).click();
            await at.getByText("In a frame of your application").waitFor();
          },
        },
        { name: "docs", hash: "#/docs", ready: "Register a webhook", open: openFirst },
        { name: "audit", hash: "#/audit", ready: "Token: created" },
        { name: "not-found", hash: "#/nothing", ready: "There is no such page" },
        {
          name: "keyboard",
          hash: "#/access",
          ready: "Make a link",
          open: (at) => at.getByRole("button", { name: "Keyboard" }).click(),
        },
      ]);
      expect(faults).toEqual([]);
    },
    PAGES_MS,
  );

  test.each(Object.entries(LOOKS))(
    "of the portal can be read and used, %s",
    async (look, options) => {
      const link = signedIn(`${service.url}/portal`, portal);
      await using opened = await openPage(browser, link, options);
      const { page, faults } = opened;
      await page.getByText("Failing").first().waitFor();
      // Nothing of the operator's.
      expect(await page.getByRole("link", { name: "Rejected" }).count()).toBe(0);
      await visit(page, look, [
        { name: "portal-overview", hash: "#/overview", ready: "See why" },
        { name: "portal-webhooks", hash: "#/webhooks", ready: "Failing" },
        { name: "portal-webhook", hash: `#/webhooks/${failing}`, ready: "Failed", open: openFirst },
        { name: "portal-delivery", hash: `#/deliveries/${delivery}`, ready: "Verify like this" },
        { name: "portal-live", hash: "#/live", ready: "No attempt since", open: showAttempts },
        { name: "portal-search", hash: "#/search?q=http", ready: "Webhook" },
        { name: "portal-parked", hash: "#/parked", ready: "The server answered 500" },
        { name: "portal-keys", hash: "#/access", ready: "No API key" },
        { name: "portal-audit", hash: "#/audit", ready: "Webhook: created" },
        { name: "portal-docs", hash: "#/docs", ready: "Register a webhook" },
        { name: "portal-rejected", hash: "#/rejected", ready: "There is no such page" },
      ]);
      expect(faults).toEqual([]);
    },
    PAGES_MS,
  );

  test("of an expired portal link says where a new one is to be had", async () => {
    await using opened = await openPage(browser, signedIn(`${service.url}/portal`, "nonsense"), {
      refusals: [401],
    });
    const { page, faults } = opened;
    await page.getByText("This link has expired").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect(page.url()).not.toContain("nonsense");
    expect(faults).toEqual([]);
  });
});

/** From the top of the page; a telephone shows as much as it has room for. */
async function takePicture(page: Page, name: string, height = 0): Promise<void> {
  const size = page.viewportSize();
  const isTall = size !== null && size.width > 500 && height > size.height;
  if (isTall) await page.setViewportSize({ width: size.width, height });
  await page.evaluate("scrollTo(0, 0); document.querySelector('dialog')?.scrollTo(0, 0)");
  await page.screenshot({ path: join(PICTURES ?? "", `${name}.png`) });
  if (isTall) await page.setViewportSize(size);
}

/** Something for every page to show. */
async function openPlainScene(binary: string): Promise<PageScene> {
  const scene = await openScene();
  const service = await scene.serve(
    { FLUXHOOK_RETRY_SCHEDULE: "0s", FLUXHOOK_PORTAL_ACCENT: "#ffd54a" },
    { binary },
  );
  const good = scene.receiver();
  const bad = scene.receiver(
    () => new Response('{"error":"no space left","disk":98765432109876543210}', { status: 500 }),
  );
  const user_id = "u_1";
  await register(service, {
    user_id,
    url: `${good.url}/files`,
    description: "files of production",
  });
  const { id: failing } = await register(service, {
    user_id,
    url: `${bad.url}/a/${"long-path/".repeat(30)}?token=t`,
    headers: { "X-Environment": "production", "X-Api-Key": "k" },
    events: ["file.*", "share.linked"],
  });
  await register(service, { user_id, url: "https://hooks.example.com/", enabled: false });
  await scene.push(eventFor(user_id), eventFor(user_id, 1, "share.linked"), "not JSON");
  await scene.push(`{"user_id":"${user_id}","event":"no event","data":{"n":12345678901234567890}}`);
  await bad.waitFor(2);
  await eventually(async () => expect((await scene.logOf(user_id)).length).toBeGreaterThan(3));
  await eventually(async () => {
    const { body } = await service.api<{ rejected: unknown[] }>("GET", "/v1/rejected");
    expect(body.rejected).toHaveLength(2);
  });
  const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", { user_id });
  const entry = (await scene.logOf(user_id)).find(({ webhook_id }) => webhook_id === failing);
  await service.api("POST", "/v1/workflows", {
    id: "orders",
    name: "Order intake",
    nodes: [{ id: "receipt", name: "Receipt", type: "set", value: "{{trigger.data.id}}" }],
  });
  await service.api("POST", "/v1/workflows/orders/test", { data: { id: "A-1" } });
  return {
    service,
    failing,
    delivery: entry?.delivery_id ?? "",
    portal: body.token,
    push: () => scene.push(eventFor(user_id)),
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}
