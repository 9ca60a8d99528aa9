// The way of a new user, in a real browser on the built binary: from signing in to a rotated secret.
import { describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import type { Page } from "playwright-core";
import { locateValkey } from "../../../src/local-valkey/locate.ts";
import { builtBinary, hasBrowser, openPage, signedIn, useBrowser } from "../../support/browser.ts";
import { eventually } from "../../support/eventually.ts";
import { openScene, verifyAll, type Scene } from "../../support/serve-scene.ts";
import { API_TOKEN, spawnFluxhook } from "../../support/service.ts";
import { startSubPathProxy } from "../../support/sub-path-proxy.ts";

const WALK_MS = 120_000;

describe.skipIf(!hasBrowser)("the dashboard", () => {
  const browser = useBrowser();

  test(
    "leads from the sign-in to a delivery, its failure, its redelivery and a rotated secret",
    async () => {
      await using scene = await openScene();
      let status = 204;
      const receiver = scene.receiver(() => new Response(null, { status }));
      const service = await scene.serve(
        { FLUXHOOK_RETRY_SCHEDULE: "0s" },
        { binary: await builtBinary() },
      );
      await using opened = await openPage(browser, `${service.url}/`, {
        permissions: ["clipboard-read", "clipboard-write"],
        // A wrong token, tried first.
        refusals: [401],
      });
      const { page, faults } = opened;

      await page.getByLabel("API token").fill("a-wrong-token-of-enough-letters");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("This token is not accepted.").waitFor();
      await page.getByLabel("API token").fill(API_TOKEN);
      await page.getByRole("button", { name: "Sign in" }).click();

      await page.getByText("Activity").waitFor();
      await page.getByRole("link", { name: "Webhooks", exact: true }).click();
      await page.getByRole("searchbox", { name: "Id" }).fill("u_1");
      await page.getByRole("button", { name: "Show" }).click();
      const secret = await addWebhook(page, receiver.url);

      // The line that the empty page shows, run as it is.
      const line = await page.locator("pre", { hasText: "LPUSH" }).innerText();
      const shownAt = await runInShell(line, scene);
      await page.getByText("Delivered", { exact: true }).waitFor();
      console.log(`an attempt was on the page ${Date.now() - shownAt} ms after its event`);
      const [delivered] = await receiver.waitFor(1);
      if (!delivered) throw new Error("nothing arrived");
      verifyAll(delivered, secret);

      status = 500;
      await runInShell(line, scene);
      const failed = page.locator("details.attempt", { hasText: "Failed, parked" });
      await failed.locator("summary").click();
      await failed.getByText("The server answered 500").waitFor();
      await failed.getByText("It is parked, and can be redelivered").waitFor();

      status = 204;
      await failed.getByRole("button", { name: "Redeliver" }).click();
      await eventually(async () =>
        expect(await page.getByText("Delivered", { exact: true }).count()).toBe(2),
      );

      await rotate(page, "after 24 hours");
      await page.getByText("Both sign until").waitFor();
      const renewed = await page.locator("section [data-secret]").innerText();
      expect(renewed).not.toBe(secret);
      const before = receiver.requests.length;
      await page.getByRole("button", { name: "Send a test" }).click();
      const both = (await receiver.waitFor(before + 1))[before];
      if (!both) throw new Error("no test arrived");
      expect(both.headers.get("webhook-signature")?.split(" ")).toHaveLength(2);
      await page.getByRole("button", { name: "End the old one now" }).click();
      await page.getByText("Only the newest secret signs.", { exact: true }).waitFor();

      await removeWebhook(page, new URL(receiver.url).host);
      await page.getByText("No webhook yet").waitFor();
      expect(faults).toEqual([]);
    },
    WALK_MS,
  );

  test(
    "is signed in by the link that `fluxhook dev` prints, and has its deliveries",
    async () => {
      await using scene = await openScene();
      const child = spawnFluxhook(
        ["dev"],
        {
          FLUXHOOK_PORT: "0",
          FLUXHOOK_VALKEY_URL: scene.valkey.url,
          FLUXHOOK_PREFIX: scene.prefix,
        },
        undefined,
        await builtBinary(),
      );
      try {
        let output = "";
        let link: string | undefined;
        const decoder = new TextDecoder();
        for await (const chunk of child.stdout) {
          output += decoder.decode(chunk, { stream: true });
          [link] = /http:\S+#token=\S+/.exec(output) ?? [];
          if (link !== undefined) break;
        }
        // A token that ends, not the API token.
        expect(link).toContain("#token=fht_");
        await using opened = await openPage(browser, link ?? "");
        const { page, faults } = opened;
        await page.getByText("the sample receiver of fluxhook dev").waitFor();
        expect(page.url()).not.toContain("token");
        await page.locator("a[data-row]").click();
        await page.getByText("Delivered", { exact: true }).first().waitFor();
        expect(await page.locator("details.attempt").count()).toBe(10);
        expect(faults).toEqual([]);
      } finally {
        child.kill("SIGTERM");
        await child.exited;
      }
    },
    WALK_MS,
  );

  test(
    "works below a proxy's path without a setting",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver();
      const service = await scene.serve({}, { binary: await builtBinary() });
      await using proxy = startSubPathProxy("/hooks", service.url);
      // As `fluxhook dev` prints it: signed in, and at the webhooks of somebody.
      const link = `${signedIn(`${proxy.url}/hooks/`, API_TOKEN)}&to=%2Fwebhooks%3Fuser_id%3Du_1`;
      await using opened = await openPage(browser, link);
      const { page, faults } = opened;
      await addWebhook(page, receiver.url);
      await page.getByRole("button", { name: "Send a test" }).click();
      await page.getByText("webhook.test", { exact: true }).nth(1).waitFor();
      await page.getByRole("link", { name: "API", exact: true }).click();
      await page.getByText("Push one event, or up to 1,000").waitFor();
      expect(proxy.missed).toEqual([]);
      expect(faults).toEqual([]);
    },
    WALK_MS,
  );

  test(
    "can be used by the keyboard alone, and gives the focus back",
    async () => {
      await using scene = await openScene();
      const receiver = scene.receiver(() => new Response(null, { status: 500 }));
      const service = await scene.serve(
        { FLUXHOOK_RETRY_SCHEDULE: "0s" },
        { binary: await builtBinary() },
      );
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      const { keyboard } = page;
      await page.getByRole("heading", { name: "Overview", exact: true }).waitFor();
      // The page listens for keys from its first frame on; its heading is there before.
      await eventually(async () => {
        await keyboard.press("g");
        await keyboard.press("w");
        expect(await page.getByRole("heading", { name: "Webhooks", exact: true }).count()).toBe(1);
      });
      await eventually(async () => {
        await keyboard.press("/");
        expect(await page.locator("[data-search]:focus").count()).toBe(1);
      });
      await keyboard.type("u_1");
      await keyboard.press("Enter");
      const add = page.getByRole("button", { name: "Add a webhook" });
      await add.focus();
      await keyboard.press("Enter");
      await page.getByRole("dialog").waitFor();
      await keyboard.press("Escape");
      // Not by its role: a closed dialog has none, even if it is still in the page.
      await page.locator("dialog").waitFor({ state: "detached" });
      expect(await focused(page)).toContain("Add a webhook");
      // A button that is pressed in the very moment of Escape opens its dialog.
      await add.click();
      await page.getByRole("dialog").waitFor();
      await page.evaluate(
        `document.querySelector("dialog").requestClose(); document.querySelector("button.primary").click()`,
      );
      await page.getByRole("dialog").waitFor();
      await page.evaluate("new Promise((done) => setTimeout(done))");
      expect(await page.getByRole("dialog").count()).toBe(1);
      await keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
      await keyboard.press("Enter");
      // The first field has the focus.
      await eventually(async () => expect(await focused(page)).toBe(""));
      await keyboard.type(receiver.url);
      await keyboard.press("Enter");
      await page.getByText("This is its secret").waitFor();
      await keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "detached" });
      expect(await focused(page)).toContain("Add a webhook");
      await page.locator("a[data-row]").waitFor();
      await keyboard.press("j");
      await eventually(async () => expect(await focused(page)).toStartWith("http://127.0.0.1"));
      await keyboard.press("Enter");
      await page.getByRole("heading", { name: "Last attempts" }).waitFor();
      await scene.push('{"user_id":"u_1","event":"file.created","data":{}}');
      await page.getByText("Failed, parked").waitFor();
      await keyboard.press("j");
      await keyboard.press("Enter");
      await page.getByText("The server answered 500").waitFor();
      const redeliver = page.getByRole("button", { name: "Redeliver", exact: true });
      for (let tabs = 0; tabs < 10 && !(await focused(page)).startsWith("Redeliver"); tabs++) {
        await keyboard.press("Tab");
      }
      expect(await redeliver.evaluate("document.activeElement.matches(':focus-visible')")).toBe(
        true,
      );
      await keyboard.press("Enter");
      await receiver.waitFor(2);
      await keyboard.press("g");
      await keyboard.press("p");
      await page.getByRole("heading", { name: "Parked deliveries" }).waitFor();
      expect(faults).toEqual([]);
    },
    WALK_MS,
  );
});

/** Returns the secret, from the clipboard where the page put it. The webhook's page is open then. */
async function addWebhook(page: Page, url: string): Promise<string> {
  await page.getByRole("button", { name: "Add a webhook" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("URL").fill(url);
  await dialog.getByLabel("Only the events that I choose").check();
  await dialog.getByLabel("All file events, also future ones").check();
  await dialog.getByRole("button", { name: "Save" }).click();
  const shown = await dialog.locator("[data-secret]").innerText();
  expect(shown).toStartWith("whsec_");
  await dialog.getByRole("button", { name: "Copy the secret" }).click();
  await dialog.getByRole("link", { name: "Open the webhook" }).click();
  await page.getByRole("heading", { name: "Last attempts" }).waitFor();
  const context = page.context();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  expect(await page.evaluate("navigator.clipboard.readText()")).toBe(shown);
  return shown;
}

async function rotate(page: Page, grace: string): Promise<void> {
  await page.getByRole("button", { name: "Rotate", exact: true }).click();
  await page.getByLabel("The old secret ends").selectOption(grace);
  await page.getByRole("button", { name: "Make a new secret" }).click();
}

async function removeWebhook(page: Page, host: string): Promise<void> {
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  const dialog = page.getByRole("dialog");
  expect(await dialog.getByRole("button", { name: "Delete it" }).isDisabled()).toBe(true);
  await dialog.getByRole("textbox").fill(host);
  await dialog.getByRole("button", { name: "Delete it" }).click();
}

async function focused(page: Page): Promise<string> {
  return String(
    await page.evaluate(
      "document.activeElement === document.body ? 'nothing' : document.activeElement.textContent",
    ),
  );
}

/** Returns when it had run. */
async function runInShell(line: string, scene: Scene): Promise<number> {
  const { cliPath, env } = await locateValkey({ onProgress: () => {} });
  const folder = cliPath === null ? "" : `${dirname(cliPath)}:`;
  const child = Bun.spawn(["sh", "-c", line], {
    env: {
      ...process.env,
      ...env,
      PATH: `${folder}${process.env.PATH}`,
      FLUXHOOK_VALKEY_URL: scene.valkey.url,
    },
    stderr: "pipe",
  });
  const complaint = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`the line failed: ${complaint}`);
  return Date.now();
}
