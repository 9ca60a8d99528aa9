// Who gets in and what they may do: signing in, read-only, API keys, the audit, an organisation's portal.
import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
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
import { openScene, register, type Scene } from "../../support/serve-scene.ts";
import { API_TOKEN, type ServiceProcess } from "../../support/service.ts";

const TEST_MS = 120_000;

describe.skipIf(!hasBrowser)("the dashboard", () => {
  const browser = useBrowser();

  test(
    "exchanges the API token for one that ends, and keeps only that",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      await using opened = await openPage(browser, `${service.url}/`);
      const { page, faults } = opened;
      const tokens = new Set<string>();
      page.on("request", (request) => {
        if (request.url().includes("/v1/webhooks")) {
          tokens.add(request.headers()["authorization"] ?? "");
        }
      });
      await page.getByLabel("API token").fill(API_TOKEN);
      await page.getByLabel("Your name (optional)").fill("Ada");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByRole("button", { name: "Sign out" }).waitFor();
      await openAt(page, "#/webhooks?user_id=u_1");
      await page.getByText("No webhook yet").waitFor();
      expect([...tokens]).toHaveLength(1);
      expect([...tokens][0]).toStartWith("Bearer fht_");
      const kept = String(await page.evaluate("JSON.stringify(sessionStorage) + document.cookie"));
      expect(kept).toContain("fht_");
      expect(kept).not.toContain(API_TOKEN);
      expect(await page.content()).not.toContain(API_TOKEN);
      // The token is the tab's: a reload stays signed in.
      await page.reload();
      await page.getByText("No webhook yet").waitFor();
      await openAt(page, "#/audit");
      await page.getByText("Token: created").waitFor();
      await page.getByText("the API token").waitFor();
      for (const line of service.lines) expect(JSON.stringify(line)).not.toContain("fht_");
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "shows a read-only token everything, and nothing that it could not do",
    async () => {
      await using scene = await openScene();
      const { service, webhookId } = await busyService(scene);
      const deliveryId = await eventually(
        async () => (await scene.logOf("u_1"))[0]?.delivery_id ?? false,
      );
      await service.api("POST", "/v1/workflows", {
        id: "orders",
        name: "Order intake",
        nodes: [{ id: "receipt", type: "set", value: 1 }],
      });
      await service.api("POST", "/v1/workflows/orders/test", { data: {} });
      await using opened = await openPage(browser, `${service.url}/`);
      const { page, faults } = opened;
      await page.getByLabel("API token").fill(API_TOKEN);
      await page.getByLabel("Read only").check();
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("Read only", { exact: true }).waitFor();
      const forbidden: string[] = [];
      page.on("response", (response) => {
        if (response.status() === 403) forbidden.push(response.url());
      });
      const buttons: string[] = [];
      for (const [hash, ready] of [
        ["#/overview", "Needs you"],
        ["#/live", "No attempt since"],
        ["#/search?q=u_1", "attempts in the log"],
        [`#/deliveries/${deliveryId}`, "Verify like this"],
        ["#/workflows", "Order intake"],
        ["#/workflows/orders", "receipt"],
        ["#/webhooks?user_id=u_1", "/dead"],
        [`#/webhooks/${webhookId}`, "Failed, parked"],
        ["#/parked?user_id=u_1", "file.created"],
        ["#/rejected", "7 bytes"],
        ["#/access?user_id=u_1", "their server"],
        ["#/audit", "Webhook: created"],
        ["#/docs", "Register a webhook"],
      ] as const) {
        await openAt(page, hash);
        await page.getByText(ready).first().waitFor();
        await page.evaluate(
          "for (const one of document.querySelectorAll('main details')) one.open = true",
        );
        if (hash === "#/docs") await page.locator("main form").nth(20).waitFor();
        buttons.push(...(await page.getByRole("button").allInnerTexts()));
        // Each of them, also those that a test would not think of.
        await page.evaluate(
          "for (const one of document.querySelectorAll('main button')) one.click()",
        );
        await page.waitForLoadState("networkidle");
        await page.keyboard.press("Escape");
      }
      expect(forbidden).toEqual([]);
      const shown = new Set(buttons.map((text) => text.trim()));
      for (const write of WRITES) expect([...shown]).not.toContain(write);
      expect([...shown]).toContain("Reveal");
      expect(await page.getByRole("link", { name: "Send", exact: true }).count()).toBe(0);
      // The reference's forms are sent as they are, and some of them are wrong so.
      expect(faults.filter((fault) => !/status of 4(?!03)/.test(fault))).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "makes an API key that is shown once, lists it and revokes it; the audit says so",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await page.getByRole("button", { name: "Sign out" }).waitFor();
      await openAt(page, "#/access?user_id=u_1");
      await page.getByLabel("Name of a new key").fill("their server <b>");
      await page.getByRole("button", { name: "Make an API key" }).click();
      const key = await page.locator("pre", { hasText: "fhk_" }).innerText();
      expect(await statusWith(service, key)).toBe(200);
      await page.getByRole("cell", { name: "their server <b>" }).first().waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.setViewportSize({ width: 390, height: 800 });
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      await page.getByRole("button", { name: "Revoke their server <b>" }).click();
      await page.getByRole("button", { name: "Revoke it" }).click();
      await page.getByText("No API key").waitFor();
      expect(await statusWith(service, key)).toBe(401);
      await openAt(page, "#/audit");
      await page.getByText("Token: revoked").waitFor();
      expect(await page.content()).not.toContain("fhk_");
      expect(await seriousFindings(page)).toEqual([]);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "makes a link to the portal that signs in, read-only if that was ticked",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      await register(service, { org_id: "o_1", url: "https://hooks.example.com/mine" });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await page.getByRole("link", { name: "Access", exact: true }).click();
      const form = page.getByRole("region", { name: "Portal link" });
      await form.getByLabel("Owner", { exact: true }).selectOption("Organisation");
      await form.getByLabel("Organisation id").fill("o_1");
      await form.getByLabel("Read only").check();
      await form.getByRole("button", { name: "Make a link" }).click();
      const link = await form.locator("pre").first().innerText();
      expect(link).toStartWith(`${service.url}/portal#token=fht_`);
      await using portal = await openPage(browser, link);
      await portal.page.getByText("/mine").waitFor();
      await portal.page.getByText("organisation o_1").waitFor();
      await portal.page.getByText("Read only", { exact: true }).waitFor();
      expect(await portal.page.getByRole("button", { name: "Add a webhook" }).count()).toBe(0);
      expect([...faults, ...portal.faults]).toEqual([]);
    },
    TEST_MS,
  );
});

describe.skipIf(!hasBrowser)("the portal of an organisation", () => {
  const browser = useBrowser();

  test(
    "leads through its own webhooks, their log, keys and audit, and shows nothing of its members",
    async () => {
      await using scene = await openScene();
      let status = 500;
      const receiver = scene.receiver(() => new Response(null, { status }));
      const service = await scene.serve(
        { FLUXHOOK_RETRY_SCHEDULE: "0s" },
        { binary: await builtBinary() },
      );
      // A member of the organisation, with a webhook of their own for the same events.
      const member = await register(service, {
        user_id: "canary_member",
        url: `${receiver.url}/canary-url`,
        description: "canary-description",
      });
      const { body } = await service.api<{ portal_url: string }>("POST", "/v1/tokens", {
        org_id: "o_1",
        api_keys: true,
      });
      const answers: string[] = [];
      await using opened = await openPage(browser, body.portal_url);
      const { page, faults } = opened;
      page.on("response", (response) => {
        void response.text().then(
          (text) => answers.push(text),
          () => {},
        );
      });
      await page.getByText("organisation o_1").waitFor();
      await page.getByRole("button", { name: "Add a webhook" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("URL").fill(`${receiver.url}/tenant-wide`);
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.getByRole("link", { name: "Open the webhook" }).click();
      await page.getByRole("heading", { name: "Last attempts" }).waitFor();
      await scene.push(
        '{"user_id":"canary_member","org_id":"o_1","event":"file.created","data":{"n":1}}',
      );
      await page.getByText("Failed, parked").waitFor();
      await receiver.waitFor(2);
      status = 204;
      await page.locator("details.attempt > summary").click();
      await page.getByRole("button", { name: "Redeliver", exact: true }).first().click();
      await page.getByText("Delivered", { exact: true }).waitFor();
      await page.getByRole("link", { name: "API keys" }).click();
      await page.getByLabel("Name of a new key").fill("our server");
      await page.getByRole("button", { name: "Make an API key" }).click();
      const key = await page.locator("pre", { hasText: "fhk_" }).innerText();
      const list = await fetch(`${service.url}/v1/webhooks`, {
        headers: { authorization: `Bearer ${key}` },
      });
      answers.push(await list.text());
      expect(answers.at(-1)).toContain("tenant-wide");
      await page.getByRole("link", { name: "Audit" }).click();
      await page.getByText("Delivery: redelivered").waitFor();
      await page.getByText("the operator").first().waitFor();
      // The member's own things, asked for by name.
      await openAt(page, `#/webhooks/${member.id}`);
      await page.getByText("there is no webhook with this id").waitFor();
      const all = [await page.content(), ...answers].join("\n");
      for (const canary of ["canary", member.secret]) expect(all).not.toContain(canary);
      expect(faults.filter((fault) => !fault.includes("404"))).toEqual([]);
    },
    TEST_MS,
  );
});

/** What a button says that changes something. */
const WRITES = [
  "Add a webhook",
  "Change",
  "Enable",
  "Disable",
  "Delete",
  "Send a test",
  "Rotate",
  "Redeliver",
  "Redeliver them",
  "Redeliver all that match",
  "Try again now",
  "Requeue all",
  "Requeue this one",
  "Make a link",
  "Make an API key",
  "Revoke",
  "Revoke their server",
];

async function busyService(scene: Scene): Promise<{ service: ServiceProcess; webhookId: string }> {
  const dead = scene.receiver(() => new Response(null, { status: 500 }));
  const service = await scene.serve(
    { FLUXHOOK_RETRY_SCHEDULE: "0s" },
    { binary: await builtBinary() },
  );
  const { id } = await register(service, { user_id: "u_1", url: `${dead.url}/dead` });
  await service.api("POST", "/v1/tokens", {
    user_id: "u_1",
    name: "their server",
    expires_in_s: null,
  });
  await scene.push('{"user_id":"u_1","event":"file.created","data":{}}');
  await scene.push("no json");
  await dead.waitFor(1);
  await eventually(() => scene.redis.llen(`${scene.prefix}:rejected`));
  return { service, webhookId: id };
}

async function openAt(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

async function statusWith(service: ServiceProcess, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${service.url}/v1/me`, { headers })).status;
}
