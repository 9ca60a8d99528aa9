// Whatever others wrote is text: nothing of it runs, nothing of it is hidden, nothing breaks the page.
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
import { openScene, register } from "../../support/serve-scene.ts";
import { API_TOKEN } from "../../support/service.ts";

const ALL_MS = 180_000;
const PHONE = { viewport: { width: 390, height: 844 } };
const RAW_ELEMENTS: readonly string[] = [
  ...HOSTILE_STRINGS.map((text) => `no JSON: ${text}`),
  "x".repeat(10_000),
  "nul \u0000 bell \u0007 escape \u001b[31m red",
];

const KEYS_OF_ONE = 20;
const KEY_NAMES = "tbody tr td:first-child bdi";

describe.skipIf(!hasBrowser)("what others wrote", () => {
  const browser = useBrowser();

  test(
    "is shown as the text that it is, in descriptions, urls and headers",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      const ids: string[] = [];
      for (const [at, text] of HOSTILE_STRINGS.entries()) {
        const { id } = await register(service, {
          user_id: "u_1",
          url: `https://hooks.example.com/${at}/${encodeURIComponent(text)}`,
          description: text,
          // Header values are visible ASCII.
          headers: /^[\x20-\x7e]+$/.test(text) ? { "X-Note": text.trim() } : {},
        });
        ids.push(id);
      }
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), PHONE);
      const { page, faults } = opened;
      await go(page, "#/webhooks?user_id=u_1");
      await page.getByRole("row").nth(HOSTILE_STRINGS.length).waitFor();
      expect(await textsOf(page, "td .clipped.muted bdi")).toEqual(HOSTILE_STRINGS.map(visible));
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      for (const [at, id] of ids.entries()) {
        const text = HOSTILE_STRINGS[at] ?? "";
        await go(page, `#/webhooks/${id}`);
        await page.getByText("Settings").waitFor();
        expect(await textsOf(page, "main > p > bdi")).toEqual([visible(text)]);
        expect(await overflow(page)).toBeLessThanOrEqual(0);
      }
      await expectUntouched(page, faults);
    },
    ALL_MS,
  );

  test(
    "is shown as the text that it is, in rejected elements",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      await scene.push(...RAW_ELEMENTS);
      await eventually(async () => {
        const { body } = await service.api<{ rejected: unknown[] }>(
          "GET",
          "/v1/rejected?limit=100",
        );
        expect(body.rejected).toHaveLength(RAW_ELEMENTS.length);
      });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), PHONE);
      const { page, faults } = opened;
      await go(page, "#/rejected");
      const shown: string[] = [];
      for (;;) {
        await page.locator("details.attempt").first().waitFor();
        await page.evaluate(
          "document.querySelectorAll('details.attempt').forEach((row) => (row.open = true))",
        );
        expect(await overflow(page)).toBeLessThanOrEqual(0);
        shown.push(...(await textsOf(page, "details.attempt pre")));
        const older = page.getByRole("button", { name: "Older" });
        if ((await older.count()) === 0) break;
        const first = await page.locator("details.attempt pre").first().textContent();
        await older.click();
        await eventually(async () => {
          const now = await page.locator("details.attempt pre").first().textContent();
          expect(now).not.toBe(first);
        });
      }
      expect(shown.toSorted()).toEqual(RAW_ELEMENTS.map(visible).toSorted());
      await expectUntouched(page, faults);
    },
    ALL_MS,
  );

  test(
    "is shown as the text that it is, in a log that another program wrote into",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      const { id } = await register(service, { user_id: "u_1", url: "https://hooks.example.com/" });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), {
        ...PHONE,
        // Nothing more is known of the attempts that it made up.
        refusals: [404],
      });
      const { page, faults } = opened;
      await go(page, `#/webhooks/${id}`);
      for (let at = 0; at < HOSTILE_STRINGS.length; at += 9) {
        const texts = HOSTILE_STRINGS.slice(at, at + 9);
        const entries = texts.map((text, n) =>
          JSON.stringify({
            delivery_id: `5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c${String(at + n).padStart(4, "0")}`,
            webhook_id: id,
            id: text,
            endpoint: text,
            event: text,
            status_code: null,
            duration_ms: 1,
            attempt: 1,
            outcome: "retry",
            reason: text,
            next_attempt_at: null,
            timestamp: "2026-01-02T03:04:05.000Z",
          }),
        );
        await scene.redis.del(`${scene.prefix}:logs:u_1`);
        await scene.redis.rpush(`${scene.prefix}:logs:u_1`, ...entries);
        await eventually(async () =>
          expect(await textsOf(page, ".attempt .event bdi")).toEqual(texts.map(visible)),
        );
        await page.evaluate(
          "document.querySelectorAll('details.attempt').forEach((row) => (row.open = true))",
        );
        expect(await overflow(page)).toBeLessThanOrEqual(0);
      }
      await expectUntouched(page, faults);
    },
    ALL_MS,
  );

  test(
    "is shown as the text that it is, in owners' ids, names of keys, the audit, the search and a receiver's answer",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve(
        { FLUXHOOK_RETRY_SCHEDULE: "0s" },
        { binary: await builtBinary() },
      );
      const body = HOSTILE_STRINGS.join("\n");
      const receiver = scene.receiver(
        () => new Response(body, { status: 500, headers: { "X-Note": HOSTILE_STRINGS[0] ?? "" } }),
      );
      const owners: string[] = [];
      const names: string[] = [];
      for (const text of HOSTILE_STRINGS) {
        // An owner may have twenty.
        const name = text.slice(0, 100);
        const owner = names.length < KEYS_OF_ONE ? "u_1" : "u_2";
        const key = { user_id: owner, name, expires_in_s: null };
        if ((await service.api("POST", "/v1/tokens", key)).status === 201) names.push(name);
        const webhook = { user_id: text, url: "https://hooks.example.com/" };
        if ((await service.api("POST", "/v1/webhooks", webhook)).status === 201) owners.push(text);
      }
      expect([names.length > 30, owners.length > 15]).toEqual([true, true]);
      await register(service, { user_id: "u_1", url: receiver.url });
      await scene.push('{"user_id":"u_1","event":"file.created","data":{}}');
      await eventually(async () => (await scene.logOf("u_1")).length === 1);
      const [entry] = await scene.logOf("u_1");

      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), PHONE);
      const { page, faults } = opened;
      const expectShown = async (selector: string, wanted: readonly string[]) => {
        await eventually(async () =>
          expect((await textsOf(page, selector)).toSorted()).toEqual(wanted.toSorted()),
        );
        expect(await overflow(page)).toBeLessThanOrEqual(0);
      };
      await go(page, "#/webhooks");
      const inWords = [...owners, "u_1"].map((id) => visible(`user ${id}`));
      await expectShown("td a[href*='user_id='] bdi", inWords);
      await go(page, "#/access?user_id=u_1");
      await expectShown(KEY_NAMES, names.slice(0, KEYS_OF_ONE).map(visible));
      await go(page, "#/access?user_id=u_2");
      await expectShown(KEY_NAMES, names.slice(KEYS_OF_ONE).map(visible));
      await go(page, "#/audit");
      await page.getByText("Token: created").first().waitFor();
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      for (const text of HOSTILE_STRINGS) {
        await go(page, `#/search?q=${encodeURIComponent(text.slice(0, 250))}`);
        await expectShown("main > p:first-of-type bdi", [visible(text.slice(0, 250))]).catch(
          // What is one webhook's or one owner's opens at once.
          () => expect(page.url()).toContain("#/webhooks"),
        );
      }
      await go(page, `#/deliveries/${entry?.delivery_id ?? ""}`);
      const response = page.getByRole("region", { name: "Response" });
      await response.getByText(`X-Note: ${HOSTILE_STRINGS[0] ?? ""}`).waitFor();
      const shown = (await response.locator("pre").allTextContents()).join("");
      // The first KiB is kept.
      expect(shown).toContain(visible(body.slice(0, 900)));
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      await expectUntouched(page, faults);
    },
    ALL_MS,
  );

  test("is shown as the text that it is, in the portal's name", async () => {
    await using scene = await openScene();
    const name = "</title><img src=x onerror=globalThis.__pwned=1> \u202e";
    const service = await scene.serve(
      { FLUXHOOK_PORTAL_NAME: name },
      { binary: await builtBinary() },
    );
    await using opened = await openPage(browser, `${service.url}/portal`);
    const { page, faults } = opened;
    await page.getByText("Open this page from your application").waitFor();
    expect(await textsOf(page, "h1 bdi")).toEqual([visible(name.trim())]);
    await expectUntouched(page, faults);
  });
});

async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

function textsOf(page: Page, selector: string): Promise<string[]> {
  return page.locator(selector).allTextContents();
}

async function expectUntouched(page: Page, faults: readonly string[]): Promise<void> {
  expect(await page.evaluate("globalThis.__pwned === undefined")).toBe(true);
  expect(faults).toEqual([]);
}
