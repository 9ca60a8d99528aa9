// The portal: what one owner sees of another (nothing), who may frame it, and how its token is renewed.
import { describe, expect, test } from "bun:test";
import type { Browser, Frame, Page } from "playwright-core";
import { builtBinary, hasBrowser, openPage, signedIn, useBrowser } from "../../support/browser.ts";
import { eventually } from "../../support/eventually.ts";
import { startFramingPage } from "../../support/framing-page.ts";
import { openScene, register } from "../../support/serve-scene.ts";
import type { ServiceProcess } from "../../support/service.ts";

const TEST_MS = 120_000;

describe.skipIf(!hasBrowser)("the portal", () => {
  // Another site's frame gets no storage, as browsers have it today.
  const browser = useBrowser(["--test-third-party-cookie-phaseout"]);

  test(
    "of one owner holds not a byte of another's, in no page and in no answer",
    async () => {
      await using scene = await openScene();
      const bad = scene.receiver(() => new Response(null, { status: 500 }));
      const service = await scene.serve(
        { FLUXHOOK_RETRY_SCHEDULE: "0s" },
        { binary: await builtBinary() },
      );
      const theirs = await register(service, {
        org_id: "other",
        url: `${bad.url}/canary-url`,
        description: "canary-description",
        headers: { "X-Canary": "canary-header" },
      });
      await register(service, { org_id: "own", url: `${bad.url}/own`, description: "our own" });
      await scene.push('{"org_id":"other","event":"canary.event","data":{"n":1}}');
      await scene.push('{"org_id":"own","event":"our.event","data":{"n":1}}');
      await bad.waitFor(2);

      const answers: string[] = [];
      const link = signedIn(`${service.url}/portal`, await tokenFor(service, { org_id: "own" }));
      await using opened = await openPage(browser, link, { refusals: [404] });
      const { page, faults } = opened;
      page.on("response", (response) => {
        void response.text().then(
          (text) => answers.push(text),
          () => {},
        );
      });
      const texts: string[] = [];
      const read = async (hash: string, ready: string) => {
        await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await page.getByText(ready).first().waitFor();
        texts.push(await page.content());
      };
      await read("#/webhooks", "our own");
      await read("#/parked", "our.event");
      // Theirs, asked for by name.
      await read(`#/webhooks/${theirs.id}`, "there is no webhook with this id");
      await read(`#/parked?webhook_id=${theirs.id}`, "None matches");
      await read("#/parked?org_id=other", "our.event");
      await page.evaluate("location.hash = '#/webhooks'");
      await page.getByRole("link", { name: /127/ }).click();
      await page.getByText("Last attempts").waitFor();
      await page.locator("details.attempt > summary").first().click();
      texts.push(await page.content());
      // The stream, while both have attempts.
      await read("#/live", "No attempt since");
      await page
        .getByRole("status")
        .filter({ hasText: /^Live$/ })
        .waitFor();
      await scene.push('{"org_id":"other","event":"canary.event","data":{"n":2}}');
      await scene.push('{"org_id":"own","event":"our.event","data":{"n":2}}');
      await page.locator("details.attempt").first().waitFor();
      texts.push(await page.content());
      await eventually(() => expect(answers.length).toBeGreaterThan(6));
      const all = [...texts, ...answers].join("\n");
      expect(all).toContain("our.event");
      expect(all).not.toContain("canary");
      expect(all).not.toContain(theirs.secret);
      expect(faults).toEqual([]);
    },
    TEST_MS,
  );

  test(
    "works in a frame of an allowed origin without storage, and takes a new token for the same owner only",
    async () => {
      await using scene = await openScene();
      await using host = startFramingPage();
      const service = await scene.serve(
        { FLUXHOOK_PORTAL_ORIGINS: host.origin },
        { binary: await builtBinary() },
      );
      await register(service, { user_id: "u_1", url: "https://hooks.example.com/mine" });
      await register(service, { user_id: "u_2", url: "https://hooks.example.com/theirs" });
      const first = await tokenFor(service, { user_id: "u_1" }, 3);
      await using opened = await openHost(
        browser,
        host.show(`${service.url}/portal#token=${first}`),
      );
      const { page } = opened;
      const frame = await frameOf(page, service.url);
      await frame.getByText("/mine").waitFor();
      expect(await storageOf(frame)).toBe("denied");
      // The token ends, the page around is asked for another.
      await frame.getByText("This link has expired").waitFor();
      await eventually(async () =>
        expect(await page.evaluate("messages.map(({ type }) => type)")).toContain(
          "fluxhook:token-wanted",
        ),
      );
      const other = await tokenFor(service, { user_id: "u_2" });
      await frame.evaluate(
        "globalThis.arrived = 0; addEventListener('message', () => (globalThis.arrived += 1))",
      );
      await page.evaluate(`answer(${JSON.stringify(other)})`);
      await eventually(async () => expect(await frame.evaluate("arrived")).toBe(1));
      await frame.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))");
      expect(await frame.getByText("This link has expired").isVisible()).toBe(true);
      const second = await tokenFor(service, { user_id: "u_1" });
      await page.evaluate(`answer(${JSON.stringify(second)})`);
      await frame.getByText("/mine").waitFor();
      expect(await frame.getByText("/theirs").count()).toBe(0);
      // From any other window than the one around it, a token is ignored, the same owner's too.
      const unasked = await tokenFor(service, { user_id: "u_1" }, 600, { read_only: true });
      const before = await frame.evaluate("arrived");
      await frame.evaluate(
        `postMessage(${JSON.stringify({ type: "fluxhook:token", token: unasked })}, "*")`,
      );
      await eventually(async () =>
        expect(await frame.evaluate("arrived")).toBe(Number(before) + 1),
      );
      expect(
        await frame.evaluate("fetch('./v1/me', { method: 'HEAD' }).then(() => 'answered')"),
      ).toBe("answered");
      expect(await frame.getByText("Read only", { exact: true }).count()).toBe(0);
      // The same one is taken from the window around.
      await page.evaluate(`answer(${JSON.stringify(unasked)})`);
      await frame.getByText("Read only", { exact: true }).waitFor();
      await eventually(async () =>
        expect(
          await page.evaluate(
            "messages.some(({ type, height }) => type === 'fluxhook:height' && height > 100)",
          ),
        ).toBe(true),
      );
    },
    TEST_MS,
  );

  test(
    "is refused in a frame of any other origin, and the dashboard in every frame",
    async () => {
      await using scene = await openScene();
      await using host = startFramingPage();
      await using stranger = startFramingPage();
      const service = await scene.serve(
        { FLUXHOOK_PORTAL_ORIGINS: host.origin },
        { binary: await builtBinary() },
      );
      for (const url of [
        stranger.show(`${service.url}/portal`),
        stranger.show(`${service.url}/`),
        host.show(`${service.url}/`),
      ]) {
        await using opened = await openHost(browser, url);
        const refused = await opened.refused;
        expect(refused).toContain("frame-ancestors");
      }
    },
    TEST_MS,
  );

  test("forgets its token in the address, in the history, and on signing out", async () => {
    await using scene = await openScene();
    const service = await scene.serve({}, { binary: await builtBinary() });
    await register(service, { user_id: "u_1", url: "https://hooks.example.com/mine" });
    const token = await tokenFor(service, { user_id: "u_1" });
    await using opened = await openPage(browser, signedIn(`${service.url}/portal`, token));
    const { page, faults } = opened;
    await page.getByText("/mine").waitFor();
    expect(page.url()).not.toContain(token);
    expect(
      await page.evaluate("JSON.stringify(navigation.entries().map(({ url }) => url))"),
    ).not.toContain(token);
    // The tab keeps it: a reload stays signed in.
    await page.reload();
    await page.getByText("/mine").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("You are signed out").waitFor();
    expect(await page.evaluate("JSON.stringify(sessionStorage)")).not.toContain(token);
    await page.reload();
    await page.getByText("Open this page from your application").waitFor();
    expect(faults).toEqual([]);
    for (const line of service.lines) expect(JSON.stringify(line)).not.toContain(token);
  });
});

async function tokenFor(
  service: ServiceProcess,
  owner: { user_id?: string; org_id?: string },
  expires_in_s = 600,
  more: object = {},
): Promise<string> {
  const input = { ...owner, expires_in_s, ...more };
  const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", input);
  return body.token;
}

interface HostPage extends AsyncDisposable {
  page: Page;
  /** What the console says of a frame that was refused. */
  refused: Promise<string>;
}

async function openHost(browser: Browser, url: string): Promise<HostPage> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const refused = page
    .waitForEvent("console", { predicate: (message) => message.type() === "error" })
    .then((message) => message.text());
  // A page whose frame is shown has none.
  refused.catch(() => {});
  await page.goto(url);
  return { page, refused, [Symbol.asyncDispose]: () => context.close() };
}

function frameOf(page: Page, url: string): Promise<Frame> {
  return eventually(() => page.frames().find((frame) => frame.url().startsWith(url)) ?? null);
}

async function storageOf(frame: Frame): Promise<unknown> {
  return frame.evaluate(
    "(() => { try { return typeof sessionStorage } catch { return 'denied' } })()",
  );
}
