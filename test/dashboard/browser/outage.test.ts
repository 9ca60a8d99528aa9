// Valkey away, Fluxhook away, no clipboard: the page says so, keeps what it shows, and goes on by itself.
import { describe, expect, test } from "bun:test";
import { builtBinary, hasBrowser, openPage, signedIn, useBrowser } from "../../support/browser.ts";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/listener.ts";
import { openScene, register } from "../../support/serve-scene.ts";
import { API_TOKEN } from "../../support/service.ts";
import { startTcpProxy } from "../../support/tcp-proxy.ts";

const TEST_MS = 120_000;

describe.skipIf(!hasBrowser)("the page", () => {
  const browser = useBrowser();

  test(
    "says since when Valkey is away, and shows the next attempt when it is back",
    async () => {
      await using scene = await openScene();
      await using proxy = await startTcpProxy(scene.valkey.url);
      const receiver = scene.receiver();
      const service = await scene.serve(
        { FLUXHOOK_VALKEY_URL: proxy.url.replace("http:", "redis:") },
        { binary: await builtBinary() },
      );
      const { id } = await register(service, { user_id: "u_1", url: receiver.url });
      const link = signedIn(`${service.url}/`, API_TOKEN);
      await using opened = await openPage(browser, link, { refusals: [503] });
      const { page, faults } = opened;
      // What has not been loaded when Valkey goes away says so for itself.
      const underWay = new Set<unknown>();
      page.on("request", (one) => one.url().includes("/v1/stream") || underWay.add(one));
      page.on("requestfinished", (one) => underWay.delete(one));
      const failures = page.waitForResponse(/\/failures/);
      await page.evaluate(`location.hash = "#/webhooks/${id}"`);
      await page.getByText("No attempt yet").waitFor();
      await failures;
      await eventually(() => underWay.size === 0);

      proxy.cut();
      await page.getByText(/Fluxhook has not reached Valkey since \d\d:\d\d/).waitFor();
      // What it shows stays, and nothing is said twice.
      expect(await page.getByText("No attempt yet").isVisible()).toBe(true);
      expect(await page.getByRole("alert").count()).toBe(0);
      await page.getByRole("button", { name: "Send a test" }).click();
      await page.getByRole("alert").getByText("cannot reach Valkey").waitFor();

      proxy.heal();
      await page.getByText(/has not reached Valkey/).waitFor({ state: "detached" });
      await scene.push('{"user_id":"u_1","event":"file.created","data":{}}');
      await page.getByText("Delivered", { exact: true }).waitFor();
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "says since when Fluxhook does not answer, and goes on with the next process",
    async () => {
      await using scene = await openScene();
      const settings = { FLUXHOOK_PORT: freePort() };
      const binary = await builtBinary();
      const first = await scene.serve(settings, { binary });
      await register(first, { user_id: "u_1", url: "https://hooks.example.com/mine" });
      const link = signedIn(`${first.url}/`, API_TOKEN);
      await using opened = await openPage(browser, link);
      const { page, faults } = opened;
      await page.evaluate(`location.hash = "#/webhooks?user_id=u_1"`);
      await page.getByText("/mine").waitFor();
      await first.stop();
      await page.getByText(/Fluxhook has not answered since \d\d:\d\d/).waitFor();
      expect(await page.getByText("/mine").isVisible()).toBe(true);
      await scene.serve(settings, { binary });
      await page.getByText(/has not answered/).waitFor({ state: "detached" });
      // Still signed in, with what was kept in memory.
      await page.getByText("/mine").click();
      await page.getByText("Last attempts").waitFor();
      const others = faults.filter((fault) => !fault.includes("net::ERR_CONNECTION"));
      expect(others).toEqual([]);
    },
    TEST_MS,
  );

  test("selects what it cannot copy, and says which keys do", async () => {
    await using scene = await openScene();
    const service = await scene.serve({}, { binary: await builtBinary() });
    const { id, secret } = await register(service, {
      user_id: "u_1",
      url: "https://hooks.example.com/",
    });
    await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
    const { page, faults } = opened;
    // As on plain http outside of this machine, where pages have no clipboard.
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
    await page.evaluate(`location.hash = "#/webhooks/${id}"`);
    await page.getByRole("button", { name: "Copy the secret" }).click();
    await page.getByText("Press Ctrl+C").waitFor();
    expect(await page.evaluate("getSelection().toString()")).toBe(secret);
    expect(faults).toEqual([]);
  });
});
