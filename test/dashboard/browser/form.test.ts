// The form of a webhook and the page that sends an event, with the operator's own catalogue, in a real
// browser on the built binary.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { HOSTILE_STRINGS } from "../../support/hostile-strings.ts";
import {
  builtBinary,
  hasBrowser,
  openPage,
  overflow,
  seriousFindings,
  signedIn,
  useBrowser,
} from "../../support/browser.ts";
import { openScene, type Scene } from "../../support/serve-scene.ts";
import { API_TOKEN } from "../../support/service.ts";

const FORM_MS = 60_000;

const folder = mkdtempSync(join(tmpdir(), "fluxhook-form-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const BIG = '{"order_id": "o_1", "amount": 12345678901234567890}';

function catalogueFile(descriptions: readonly string[] = ["A customer has paid"]): string {
  const path = join(folder, `${crypto.randomUUID()}.json`);
  const entries = descriptions.map((description, n) => {
    const name = JSON.stringify(n === 0 ? "order.paid" : `order.paid_${n}`);
    return `{"name":${name},"description":${JSON.stringify(description)},"group":"Orders","sample":${BIG}}`;
  });
  const more =
    '{"name":"user.left","description":"A user has left","group":"People"},{"name":"ping"}';
  writeFileSync(path, `[${entries.join(",")},${more}]`);
  return path;
}

async function serve(scene: Scene, catalogue = catalogueFile()) {
  const env = { FLUXHOOK_EVENT_CATALOGUE: catalogue };
  return scene.serve(env, { binary: await builtBinary() });
}

const linkTo = (url: string, to: string) =>
  `${signedIn(`${url}/`, API_TOKEN)}&to=${encodeURIComponent(to)}`;

async function openForm(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Add a webhook" }).first().click();
  await page.getByLabel("URL").waitFor();
}

describe.skipIf(!hasBrowser)("the form of a webhook", () => {
  const browser = useBrowser();

  test(
    "checks the URL while it is typed, as saving it would",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver();
      const service = await serve(scene);
      await using opened = await openPage(browser, linkTo(service.url, "/webhooks?user_id=u_1"));
      const { page, faults } = opened;
      await openForm(page);
      await page.getByLabel("URL").fill("https://10.0.0.1/hooks");
      await page.getByText(/Not accepted: 10\.0\.0\.1 is/).waitFor();
      await page.getByLabel("URL").fill("http://example.com/hooks");
      await page.getByText(/Not accepted: plain http|This name has no address/).waitFor();
      await page.getByLabel("URL").fill("https://no-such-name.invalid/");
      await page.getByText("This name has no address at the moment").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByLabel("URL").fill(receiver.url);
      await page.getByText("Fluxhook may send there.").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved. This is its secret").waitFor();
      expect(faults).toEqual([]);
      expect(receiver.requests).toEqual([]);
    },
    FORM_MS,
  );

  test(
    "offers the operator's event types by group, with their descriptions, by keyboard at 390 px",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver();
      const service = await serve(scene);
      await using opened = await openPage(browser, linkTo(service.url, "/webhooks?user_id=u_1"), {
        viewport: { width: 390, height: 844 },
      });
      const { page, faults } = opened;
      await openForm(page);
      await page.getByLabel("URL").fill(receiver.url);
      await page.getByLabel("Only the events that I choose").focus();
      await page.keyboard.press("Space");
      await page.getByText("A customer has paid").waitFor();
      expect(await page.getByText("A user has left").count()).toBe(1);
      expect(await page.getByRole("checkbox", { name: /^file/ }).count()).toBe(0);
      expect(await overflow(page)).toBe(0);
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByRole("checkbox", { name: /^order\.paid/ }).focus();
      await page.keyboard.press("Space");
      await page.getByRole("checkbox", { name: /^ping/ }).check();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved. This is its secret").waitFor();
      const { body } = await service.api<{ webhooks: { events: string[] }[] }>(
        "GET",
        "/v1/webhooks?user_id=u_1",
      );
      expect(body.webhooks[0]?.events).toEqual(["order.paid", "ping"]);
      expect(faults).toEqual([]);
    },
    FORM_MS,
  );

  test(
    "shows hostile descriptions as the text that they are",
    async () => {
      await using scene = await openScene();
      const oneLine = HOSTILE_STRINGS.filter((text) => /^[^\p{C}\p{Zl}\p{Zp}]{1,500}$/u.test(text));
      const service = await serve(scene, catalogueFile(oneLine));
      await using opened = await openPage(browser, linkTo(service.url, "/webhooks?user_id=u_1"), {
        viewport: { width: 390, height: 844 },
      });
      const { page, faults } = opened;
      await openForm(page);
      await page.getByLabel("Only the events that I choose").check();
      await page.getByText("A user has left").waitFor();
      const shown = await page.locator(".tick small").allInnerTexts();
      expect(oneLine.length).toBeGreaterThan(10);
      // The alerts, which a webhook can ask for too, come after the catalogue.
      expect(shown.slice(0, oneLine.length + 1).map((text) => text.trim())).toEqual([
        ...oneLine.map((text) => text.replaceAll(/\s+/g, " ").trim()),
        "A user has left",
      ]);
      expect(await overflow(page)).toBe(0);
      expect(faults).toEqual([]);
    },
    FORM_MS,
  );
});

describe.skipIf(!hasBrowser)("the page that sends an event", () => {
  const browser = useBrowser();

  test(
    "fills in the sample of the type, with every digit, and keeps what was written by hand",
    async () => {
      await using scene = await openScene();
      const service = await serve(scene);
      await using opened = await openPage(browser, linkTo(service.url, "/send?user_id=u_1"));
      const { page, faults } = opened;
      await page.getByLabel("Event type").fill("order.paid");
      await page.getByText("A customer has paid").waitFor();
      await page.waitForFunction(
        `document.querySelector("textarea").value.includes("12345678901234567890")`,
      );
      expect(await page.getByLabel("Data").inputValue()).toBe(BIG);
      expect(await page.locator("pre", { hasText: "LPUSH" }).innerText()).toContain(
        "12345678901234567890",
      );
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByLabel("Data").fill('{"mine":1}');
      await page.getByLabel("Event type").fill("ping");
      expect(await page.getByLabel("Data").inputValue()).toBe('{"mine":1}');
      await page.getByLabel("Event type").fill("order.paid");
      await page.getByRole("button", { name: "Use the sample of this type" }).click();
      await page.getByRole("button", { name: "Push the event" }).click();
      await page.getByText("Pushed as").waitFor();
      expect(faults).toEqual([]);
    },
    FORM_MS,
  );
});

describe.skipIf(!hasBrowser)("the API reference", () => {
  const browser = useBrowser();

  test(
    "lists every route, and its form sends the headers that a route needs",
    async () => {
      await using scene = await openScene();
      const service = await serve(scene);
      const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as {
        paths: Record<string, object>;
      };
      const routes = Object.values(document.paths).flatMap((methods) => Object.keys(methods));
      await using opened = await openPage(browser, linkTo(service.url, "/docs"));
      const { page, faults } = opened;
      await page.getByText("Push one event, or up to 1,000").waitFor();
      expect(await page.locator("details.attempt").count()).toBe(routes.length);
      const route = page.locator("details.attempt", {
        hasText: "Replace all webhooks of a user by a document",
      });
      await route.locator("summary").first().click();
      const form = route.locator("form");
      await form.getByLabel("user_id").fill("u_1");
      await form.getByLabel("if-match").fill("*");
      await form.getByLabel("Body").fill('{"webhooks":[]}');
      expect(await form.locator("pre").innerText()).toContain("-H 'If-Match: *'");
      await form.getByRole("button", { name: /^Send/ }).click();
      await form.getByText("ETag:").waitFor();
      expect(await form.getByRole("status").innerText()).toContain("Answered 200");
      expect(faults).toEqual([]);
    },
    FORM_MS,
  );
});
