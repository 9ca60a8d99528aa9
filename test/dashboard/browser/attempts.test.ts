// An attempt opened, in a real browser on the built binary: what is shown against what the receiver got, why it
// failed, what happens next, and what can be done with it.
import { describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { visible } from "../../../src/dashboard/web/visible-text.ts";
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
import { HOSTILE_STRINGS } from "../../support/hostile-strings.ts";
import { openScene, register, verifyAll } from "../../support/serve-scene.ts";
import { API_TOKEN } from "../../support/service.ts";
import { startTlsReceiver } from "../../support/tls-receiver.ts";

const ALL_MS = 180_000;
const PHONE = { viewport: { width: 390, height: 844 } };
const CLIPBOARD = { permissions: ["clipboard-read", "clipboard-write"] };
const DATA = '{"big":12345678901234567890,"one":1.0,"b":1,"a":2,"text":"it\'s é 👍 \\u0041"}';

describe.skipIf(!hasBrowser)("an attempt opened", () => {
  const browser = useBrowser();

  test.each(["operator", "portal"])(
    "shows what was sent and answered, verifies, is copied as curl and tried again: %s",
    async (who) => {
      await using scene = await openScene();
      let status = 503;
      const receiver = scene.receiver(
        () =>
          new Response(`{"error":"busy","big":98765432109876543210}`, {
            status,
            headers: { "X-Seen": "by the receiver" },
          }),
      );
      const service = await scene.serve({}, { binary: await builtBinary() });
      const owner = { org_id: "o_1" };
      const { id, secret } = await register(service, {
        ...owner,
        url: `${receiver.url}/in?token=query-secret`,
        headers: { "X-Api-Key": "header-secret" },
        retry_schedule: ["0s", "1h", "1h"],
      });
      const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", owner);
      const start =
        who === "portal"
          ? signedIn(`${service.url}/portal`, body.token)
          : signedIn(`${service.url}/`, API_TOKEN);
      await using opened = await openPage(browser, start, CLIPBOARD);
      const { page, faults } = opened;
      await go(page, `#/webhooks/${id}`);
      await scene.push(`{"org_id":"o_1","event":"file.created","data":${DATA}}`);
      const row = section(page, "Last attempts").locator("details.attempt");
      await row.waitFor();
      await row.locator("summary").first().click();
      await row.getByText("The server answered 503").waitFor();
      await row.getByText("then once more. Then it is parked.").waitFor();

      const [got] = await receiver.waitFor(1);
      if (!got) throw new Error("nothing arrived");
      const request = row.getByRole("region", { name: "Request" });
      await request.getByRole("button", { name: "Raw" }).click();
      expect(await request.locator("pre").nth(1).textContent()).toBe(visible(got.text));
      const head = await request.locator("pre").first().textContent();
      for (const [name, value] of got.headers) {
        const shown = name === "x-api-key" ? "***" : value;
        expect(head?.toLowerCase()).toContain(`\n${name}: ${shown}`.toLowerCase());
      }
      const response = row.getByRole("region", { name: "Response" });
      expect(await response.locator("pre").first().textContent()).toContain(
        "X-Seen: by the receiver",
      );
      expect(await response.locator("pre").nth(1).textContent()).toContain("98765432109876543210");
      await row.getByRole("img", { name: "Waiting for the answer" }).waitFor();
      expect(await page.locator("body").textContent()).not.toContain("header-secret");

      await row.getByRole("button", { name: "Verify it" }).click();
      await row.getByText("webhook-signature matches the newest secret").waitFor();
      await row.getByRole("button", { name: "Copy as curl" }).click();
      await row.getByRole("button", { name: "Copy as curl" }).getByText("Copied").waitFor();
      const curl = String(await page.evaluate("navigator.clipboard.readText()"));
      expect(
        await Bun.spawn(["sh", "-c", curl], { stdout: "ignore", stderr: "ignore" }).exited,
      ).toBe(0);
      const again = (await receiver.waitFor(2))[1]!;
      verifyAll(again, secret);
      expect(again.text).toBe(got.text);

      await row.getByText("Verify like this").click();
      await row.getByLabel("Language").selectOption("Node.js");
      const program = await row.locator(".like-this pre").nth(1).textContent();
      const shownSignature = await row.locator(".like-this pre").first().textContent();
      const child = Bun.spawn(["node", "-e", program ?? ""], {
        env: { ...process.env, WEBHOOK_SECRET: secret },
      });
      expect((await new Response(child.stdout).text()).trim()).toBe(shownSignature ?? "");

      // Its own page: the attempts of the delivery, several open at once, and what happens by itself.
      await row.getByRole("link", { name: "Open this delivery" }).click();
      await page.getByRole("heading", { name: "Attempt" }).waitFor();
      status = 200;
      await page.getByRole("button", { name: "Try again now" }).click();
      await page.getByText("It was delivered with attempt 2").waitFor();
      const attempts = page.locator("details.attempt");
      expect(await attempts.count()).toBe(2);
      await attempts.nth(1).locator("summary").first().click();
      await eventually(async () =>
        expect(await page.getByRole("region", { name: "Response" }).count()).toBe(2),
      );
      expect(await page.getByRole("region", { name: "Request" }).count()).toBe(2);
      expect(await seriousFindings(page)).toEqual([]);
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "says when a certificate has expired, and which names it has",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      const expired = await startTlsReceiver({ certificate: "expired" });
      const silent = scene.receiver(() => new Promise(() => {}));
      try {
        const places: [string, string][] = [
          [`https://127.0.0.1:${expired.port}/`, "The server's certificate has expired on "],
          [silent.url, "did not answer within 1 s; the time was over after the request was sent"],
        ];
        for (const [at, [url]] of places.entries()) {
          const user_id = `u_${at}`;
          await register(service, { user_id, url, timeout_ms: 1_000, retry_schedule: ["0s"] });
          await scene.push(`{"user_id":"${user_id}","event":"file.created","data":{}}`);
        }
        await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), {
          refusals: [404],
        });
        const { page, faults } = opened;
        for (const [at, [, words]] of places.entries()) {
          const entry = await eventually(async () => (await scene.logOf(`u_${at}`))[0] ?? false);
          await go(page, `#/deliveries/${entry.delivery_id}`);
          await page.getByText(words).waitFor();
          await page.getByText("It is parked, and can be redelivered until").waitFor();
        }
        await go(page, "#/deliveries/5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001");
        await page.getByText("This delivery is not known").waitFor();
        expect(faults).toEqual([]);
      } finally {
        await expired.stop();
      }
    },
    ALL_MS,
  );

  test(
    "is found among the webhook's failures when ten successes have followed, and can be redelivered",
    async () => {
      await using scene = await openScene();
      let isMended = false;
      const receiver = scene.receiver(({ text }) =>
        text.includes("bad") && !isMended ? new Response("no", { status: 422 }) : new Response(),
      );
      const service = await scene.serve({}, { binary: await builtBinary() });
      const { id } = await register(service, {
        user_id: "u_1",
        url: receiver.url,
        retry_schedule: ["0s"],
      });
      await scene.push('{"user_id":"u_1","event":"file.created","data":{"bad":true}}');
      await receiver.waitFor(1);
      await eventually(async () => (await scene.logOf("u_1")).length === 1);
      await scene.push(
        ...Array.from({ length: 12 }, () => '{"user_id":"u_1","event":"file.created","data":{}}'),
      );
      await receiver.waitFor(13);
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await go(page, `#/webhooks/${id}`);
      const failures = section(page, "Last failures");
      await failures.locator("details.attempt > summary").click();
      await failures.getByRole("region", { name: "Response" }).getByText("422").waitFor();
      await eventually(async () =>
        expect(await section(page, "Last attempts").getByText("Failed").count()).toBe(0),
      );
      isMended = true;
      await failures.getByRole("button", { name: "Redeliver" }).click();
      const redelivered = (await receiver.waitFor(14))[13]!;
      expect(redelivered.text).toBe(receiver.requests[0]!.text);
      expect(await seriousFindings(page)).toEqual([]);
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "shows hostile headers and bodies as the text that they are",
    async () => {
      await using scene = await openScene();
      const printable = HOSTILE_STRINGS.filter((text) => /^[\x21-\x7e][\x20-\x7e]*$/.test(text));
      const receiver = scene.receiver(({ text }) => {
        const { n } = (JSON.parse(text) as { data: { n: number } }).data;
        const all = HOSTILE_STRINGS[n] ?? "";
        const header = printable[n]?.trim();
        return new Response(all, {
          status: 500,
          headers: header === undefined ? {} : { "X-Note": header },
        });
      });
      const service = await scene.serve({}, { binary: await builtBinary() });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), PHONE);
      const { page, faults } = opened;
      for (const [n, text] of HOSTILE_STRINGS.entries()) {
        const user_id = `u_${n}`;
        await register(service, { user_id, url: receiver.url, retry_schedule: ["0s"] });
        const data = `{"n":${n},"text":${JSON.stringify(text)}}`;
        await scene.push(`{"user_id":"${user_id}","event":"file.created","data":${data}}`);
        const entry = await eventually(async () => (await scene.logOf(user_id))[0] ?? false);
        await go(page, `#/deliveries/${entry.delivery_id}`);
        await page.locator("dd", { hasText: entry.delivery_id }).first().waitFor();
        const response = page.getByRole("region", { name: "Response" });
        const sent = Buffer.from(text).toString();
        await eventually(async () => {
          const shown = await response.locator("pre").allTextContents();
          if (sent.includes("\0")) expect(shown.length).toBe(2);
          else if (sent !== "") expect(shown[1]).toBe(visible(sent.slice(0, 1_024)));
        });
        const header = printable[n]?.trim();
        if (header !== undefined) {
          expect(await response.locator("pre").first().textContent()).toContain(
            `X-Note: ${header}`,
          );
        }
        expect(await overflow(page)).toBeLessThanOrEqual(0);
      }
      expect(await page.evaluate("globalThis.__pwned === undefined")).toBe(true);
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "is opened, read, verified and closed by the keyboard alone",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver(() => new Response("no", { status: 500 }));
      const service = await scene.serve({}, { binary: await builtBinary() });
      const { id } = await register(service, {
        user_id: "u_1",
        url: receiver.url,
        retry_schedule: ["0s"],
      });
      await scene.push('{"user_id":"u_1","event":"file.created","data":{}}');
      await eventually(async () => (await scene.logOf("u_1")).length === 1);
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      const { keyboard } = page;
      await go(page, `#/webhooks/${id}`);
      await section(page, "Last attempts").locator("details.attempt").waitFor();
      await keyboard.press("j");
      await keyboard.press("Enter");
      await page.getByRole("region", { name: "Response" }).waitFor();
      const verify = page.getByRole("button", { name: "Verify it" });
      await tabTo(page, "Verify it");
      expect(await verify.evaluate("document.activeElement.matches(':focus-visible')")).toBe(true);
      await keyboard.press("Enter");
      await page.getByText("webhook-signature matches the newest secret").waitFor();
      await tabTo(page, "Open this delivery");
      await keyboard.press("Enter");
      await page.getByRole("heading", { name: "Attempt" }).waitFor();
      await eventually(async () =>
        expect(await page.evaluate("document.activeElement.tagName")).toBe("H1"),
      );
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );
});

const section = (page: Page, name: string) => page.getByRole("region", { name });

async function go(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

async function tabTo(page: Page, text: string): Promise<void> {
  for (let tabs = 0; tabs < 30; tabs += 1) {
    const focused = await page.evaluate("document.activeElement.textContent.trim()");
    if (focused === text) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`no Tab leads to ${text}`);
}
