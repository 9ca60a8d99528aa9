// What a browser that has nothing yet transfers until the overview is whole: documents, code, charts, and every call.
import { describe, expect, test } from "bun:test";
import { builtBinary, hasBrowser, signedIn, useBrowser } from "../../support/browser.ts";
import { eventually } from "../../support/eventually.ts";
import { eventFor, openScene, register } from "../../support/serve-scene.ts";
import { API_TOKEN } from "../../support/service.ts";

const MAX_BYTES = 90_000;
const TEST_MS = 120_000;

describe.skipIf(!hasBrowser)("a cold load", () => {
  const browser = useBrowser();

  test(
    "of the overview with its charts and calls transfers at most 90 kB",
    async () => {
      await using scene = await openScene();
      const service = await scene.serve({}, { binary: await builtBinary() });
      const receiver = scene.receiver();
      await register(service, { user_id: "u_1", url: receiver.url });
      await scene.push(eventFor("u_1"));
      await receiver.waitFor(1);
      const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", {
        dashboard: true,
      });
      const context = await browser.newContext();
      const page = await context.newPage();
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      const paths = new Map<string, string>();
      const transferred = new Map<string, number>();
      session.on("Network.requestWillBeSent", ({ requestId, request }) =>
        paths.set(requestId, new URL(request.url).pathname),
      );
      session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
        const path = paths.get(requestId) ?? "";
        // Each once: the page asks again and again as long as it is open.
        if (!transferred.has(path)) transferred.set(path, encodedDataLength);
      });
      await page.goto(signedIn(`${service.url}/`, body.token ?? API_TOKEN));
      await page.locator(".u-over").nth(2).waitFor();
      await eventually(() => transferred.has("/v1/series") && transferred.has("/v1/stats"));
      await context.close();
      const all = [...transferred.values()].reduce((sum, bytes) => sum + bytes, 0);
      console.log(
        `the overview transfers ${all} B: ${Bun.inspect(Object.fromEntries(transferred))}`,
      );
      expect([...transferred.keys()].some((path) => path.startsWith("/assets/charts-"))).toBe(true);
      expect(all).toBeLessThanOrEqual(MAX_BYTES);
    },
    TEST_MS,
  );
});
