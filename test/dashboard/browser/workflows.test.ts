// The pages of workflows: added, edited, run and read by mouse and keyboard, in light, dark and on a telephone.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { BrowserContextOptions, Page } from "playwright-core";
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
import { openScene, type Scene } from "../../support/serve-scene.ts";
import { API_TOKEN, type ServiceProcess } from "../../support/service.ts";

const ALL_MS = 180_000;

const LOOKS: Record<string, BrowserContextOptions> = {
  light: { colorScheme: "light", viewport: { width: 1200, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1200, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 390, height: 844 } },
};

describe.skipIf(!hasBrowser)("workflows in the dashboard", () => {
  const browser = useBrowser();
  let scene: Scene;
  let service: ServiceProcess;
  beforeAll(async () => {
    scene = await openScene();
    service = await scene.serve({}, { binary: await builtBinary() });
    await service.api("POST", "/v1/workflows", {
      id: "orders",
      name: "Orders",
      nodes: [
        { id: "large", type: "if", condition: "trigger.data.amount > 1000" },
        { id: "tell", type: "set", value: "large: {{trigger.data.amount}}" },
        { id: "always", name: "Always", type: "set", value: 12, after: [] },
        { id: "fails", type: "set", value: "{{trigger.data.nope}}" },
      ],
    });
    await service.api("POST", "/v1/workflows/orders/test", { data: { amount: 5 } });
  }, ALL_MS);
  afterAll(async () => {
    await scene?.[Symbol.asyncDispose]();
  });

  const go = (page: Page, hash: string) => page.evaluate(`location.hash = ${JSON.stringify(hash)}`);

  async function expectReadable(page: Page, name: string): Promise<void> {
    const wide = Math.max(0, await overflow(page));
    const findings = await seriousFindings(page);
    expect({ name, wide, findings }).toEqual({ name, wide: 0, findings: [] });
  }

  test.each(Object.entries(LOOKS))(
    "can be read and used, %s",
    async (look, options) => {
      const address = signedIn(`${service.url}/`, API_TOKEN);
      await using opened = await openPage(browser, address, options);
      const { page, faults } = opened;
      await go(page, "#/workflows");
      await page.getByRole("link", { name: "Orders" }).waitFor();
      await expectReadable(page, `list ${look}`);
      await page.getByRole("button", { name: "Add a workflow" }).click();
      await expectReadable(page, `add ${look}`);
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Orders" }).click();
      await page.locator("svg.diagram .box").nth(3).waitFor();
      await page.getByText("trigger.data.nope does not exist").first().waitFor();
      await page.getByText("Example for a shell").click();
      await page.getByText("Name, id, order and errors").click();
      await expectReadable(page, `node ${look}`);
      await page.getByRole("button", { name: "Trigger" }).click();
      await page.getByLabel("The sender signs like").waitFor();
      await expectReadable(page, `trigger ${look}`);
      await page.getByRole("button", { name: "JSON", exact: true }).click();
      await expectReadable(page, `json ${look}`);
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "one is added, edited by form and JSON, saved and run, and its execution is shown",
    async () => {
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await go(page, "#/workflows");
      await page.getByRole("button", { name: "Add a workflow" }).click();
      await page.getByLabel("Name").fill("Made here");
      await page.getByLabel("Id (optional)").fill("made");
      await page.keyboard.press("Enter");
      await page.getByText("Saved. This is its secret").waitFor();
      await page.getByRole("button", { name: "Open the workflow" }).click();
      // By the form: a mistake is shown at its field, and then mended.
      const value = page.getByLabel("Value", { exact: true });
      await value.fill('"Hello {{trigger.data.');
      await page.getByText("is not JSON yet").waitFor();
      expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
      await value.fill('"Hello {{nope.name}}"');
      await page.getByText(/nope is not a value/).waitFor();
      await value.fill('"Hello {{trigger.data.name}}, {{trigger.data.n}}"');
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("revision").waitFor();
      // Run once: the execution is there, node by node.
      await page
        .getByLabel("The body of the request")
        .fill('{"name":"Ada","n":12345678901234567890}');
      await page.getByRole("button", { name: "Run once" }).click();
      const nodes = page.getByRole("region", { name: "Node by node" });
      await nodes.getByText("set_1").click();
      await nodes.getByText("Hello Ada, 12345678901234567890").waitFor();
      await page.locator("svg.diagram .box.finished").waitFor();
      // A path of its data is inserted at the cursor.
      await value.fill('""');
      await value.press("Home");
      await value.press("ArrowRight");
      await page
        .getByLabel("Insert a value of the last execution")
        .selectOption("trigger.data.name");
      expect(await value.inputValue()).toBe('"{{trigger.data.name}}"');
      // The same document as JSON, with the mistake at its line.
      await page.getByRole("button", { name: "JSON", exact: true }).click();
      const json = page.getByLabel("The workflow as JSON");
      const text = await json.inputValue();
      await json.fill(text.replace("{{trigger.data.name}}", "{{trigger.nope}}"));
      const line = text.slice(0, text.indexOf("{{trigger")).split("\n").length;
      await page.getByRole("button", { name: `line ${line}` }).click();
      const area = "document.activeElement";
      const marked = `${area}.value.slice(${area}.selectionStart, ${area}.selectionEnd)`;
      expect(await page.evaluate(marked)).toBe('"{{trigger.nope}}"');
      await json.fill(text);
      await page.getByRole("button", { name: "Save" }).click();
      await eventually(async () => {
        const { body } = await service.api("GET", "/v1/workflows/made");
        expect(body).toMatchObject({ nodes: [{ value: "{{trigger.data.name}}" }] });
        return true;
      });
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "an execution is shown node by node while it runs, as the stream reports it, and by looking where the stream is refused",
    async () => {
      const held = new Map<string, PromiseWithResolvers<Response>>();
      const receiver = scene.receiver(({ path }) => {
        const one = Promise.withResolvers<Response>();
        held.set(path, one);
        return one.promise;
      });
      const node = (id: string) => ({ id, type: "http", url: `${receiver.url}/${id}` });
      await service.api("POST", "/v1/workflows", {
        id: "slow",
        name: "Slow",
        nodes: [node("first"), node("second")],
      });
      const execute = () => service.api("POST", "/v1/workflows/slow/test", { data: {} });
      const answer = async (id: string) => {
        await eventually(() => held.has(`/${id}`));
        held.get(`/${id}`)?.resolve(Response.json({ id }));
        held.delete(`/${id}`);
      };
      for (const isStreamed of [true, false]) {
        await using opened = await openPage(browser, `${service.url}/`, { refusals: [503] });
        const { page, faults } = opened;
        const looks: string[] = [];
        page.on("request", (request) => {
          if (request.url().includes("/v1/executions")) looks.push(request.url());
        });
        if (!isStreamed) {
          await page.route("**/v1/stream?*", (route) => route.fulfill({ status: 503, body: "" }));
        }
        await page.goto(signedIn(`${service.url}/`, API_TOKEN));
        await page.getByRole("button", { name: "Sign out" }).waitFor();
        await go(page, "#/workflows/slow");
        await page.getByRole("heading", { name: "Executions" }).waitFor();
        if (isStreamed) {
          // While nothing changes, nothing is asked for.
          await eventually(() => looks.length > 0);
          await page.waitForTimeout(1_000);
          const before = looks.length;
          await page.waitForTimeout(3_000);
          expect(looks.length).toBe(before);
        }
        const executed = execute();
        const nodes = page.getByRole("region", { name: "Node by node" });
        const states = (wanted: string[]) =>
          eventually(async () => {
            const shown = await nodes.locator("li [data-state]").allInnerTexts();
            expect(shown.map((text) => text.trim())).toEqual(wanted);
            return true;
          });
        // That a request is under way is not stored: only the stream says so.
        const running = isStreamed ? "running" : "pending";
        await eventually(() => held.has("/first"));
        await states([running, "pending"]);
        await answer("first");
        await eventually(() => held.has("/second"));
        await states(["finished", running]);
        await answer("second");
        await states(["finished", "finished"]);
        await executed;
        expect(faults.filter((fault) => !fault.includes("503"))).toEqual([]);
      }
    },
    ALL_MS,
  );

  test(
    "the shell lines that it shows are accepted",
    async () => {
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await go(page, "#/workflows/orders");
      await page.getByText("Example for a shell").click();
      await page.getByRole("button", { name: "Insert the secret" }).click();
      const lines = page.locator("details.code-lines pre");
      await lines.getByText("whsec_").waitFor();
      const shell = Bun.spawn(["bash", "-c", (await lines.textContent()) ?? ""]);
      expect(await shell.stdout.text()).toStartWith('{"success":true,"executionId":"exec-');
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "what others wrote is text: names, values and what a sender sent",
    async () => {
      for (const [at, text] of HOSTILE_STRINGS.entries()) {
        const name = text.slice(0, 200);
        if (name === "" || !name.isWellFormed()) continue;
        const { status } = await service.api("POST", "/v1/workflows", {
          id: `hostile-${at}`,
          name,
          nodes: [{ id: "a", name, type: "set", value: "{{trigger.data}}" }],
        });
        expect(status).toBe(201);
        await service.api("POST", `/v1/workflows/hostile-${at}/test`, { data: text });
      }
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), {
        viewport: { width: 390, height: 844 },
      });
      const { page, faults } = opened;
      await go(page, "#/workflows");
      await page.getByRole("row").nth(2).waitFor();
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      for (const [at, text] of HOSTILE_STRINGS.entries()) {
        if (text === "" || !text.isWellFormed()) continue;
        await go(page, `#/workflows/hostile-${at}`);
        await page.getByRole("region", { name: "Node by node" }).waitFor();
        const title = await page.locator("main h1 bdi").textContent();
        expect(title).toBe(visible(text.slice(0, 200)));
        expect(await overflow(page)).toBeLessThanOrEqual(0);
      }
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "a read-only session sees the editor, and can change nothing in it",
    async () => {
      const { body } = await service.api<{ token: string }>("POST", "/v1/tokens", {
        dashboard: true,
        read_only: true,
      });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, body.token ?? ""));
      const { page, faults } = opened;
      await go(page, "#/workflows/orders");
      const list = page.getByRole("list", { name: "Trigger and nodes" });
      const editor = page.getByRole("region", { name: "Editor" });
      for (const name of ["Trigger", "large", "tell", "Always", "fails"]) {
        await list.getByRole("button", { name }).click();
        await page
          .getByText("Name, id, order and errors")
          .or(page.getByLabel("Name of the"))
          .waitFor();
        for (const closed of await editor.locator("details:not([open]) > summary").all()) {
          await closed.click();
        }
        const fields = editor.locator("input, textarea, select");
        expect(await fields.count()).toBeGreaterThan(0);
        for (const field of await fields.all()) expect(await field.isDisabled()).toBe(true);
      }
      for (const name of ["Add", "Up", "Down", "Remove", "Save", "Undo the changes", "Run once"]) {
        expect(await page.getByRole("button", { name, exact: true }).count()).toBe(0);
      }
      await page.getByRole("button", { name: "JSON", exact: true }).click();
      expect(await page.getByLabel("The workflow as JSON").isEditable()).toBe(false);
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "a save that somebody else forestalled says so until the newest is loaded",
    async () => {
      await service.api("POST", "/v1/workflows", {
        id: "shared",
        name: "Shared",
        nodes: [{ id: "a", type: "set", value: 1 }],
      });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), {
        refusals: [412],
      });
      const { page, faults } = opened;
      await go(page, "#/workflows/shared");
      const value = page.getByLabel("Value", { exact: true });
      await value.fill("2");
      await service.api("PATCH", "/v1/workflows/shared", {
        nodes: [{ id: "a", type: "set", value: 3 }],
      });
      await page.getByRole("button", { name: "Save" }).click();
      const said = page.getByText("Somebody else has changed it meanwhile.");
      await said.waitFor();
      await page.getByRole("button", { name: "Load the newest, and drop my changes" }).click();
      await said.waitFor({ state: "detached" });
      expect(await value.inputValue()).toBe("3");
      await value.fill("4");
      await page.getByRole("button", { name: "Save" }).click();
      await eventually(async () => {
        const stored = await service.api("GET", "/v1/workflows/shared");
        expect(stored.body).toMatchObject({ nodes: [{ value: 4 }] });
        return true;
      });
      expect(await said.count()).toBe(0);
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "a save does not enable a workflow that somebody has disabled meanwhile",
    async () => {
      await service.api("POST", "/v1/workflows", {
        id: "shared",
        name: "Shared",
        nodes: [{ id: "a", type: "set", value: 1 }],
      });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await go(page, "#/workflows/shared");
      await page.getByLabel("Value", { exact: true }).fill("2");
      await service.api("POST", "/v1/workflows/shared/disable");
      await page.getByRole("button", { name: "Save", exact: true }).click();
      await eventually(async () => {
        const { body } = await service.api("GET", "/v1/workflows/shared");
        expect(body).toMatchObject({ enabled: false, nodes: [{ value: 2 }] });
        return true;
      });
      await page.getByText("Disabled", { exact: true }).waitFor();
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "a secret that the sender has made can be entered",
    async () => {
      await service.api("POST", "/v1/workflows", {
        id: "given",
        name: "Given",
        nodes: [{ id: "a", type: "set", value: 1 }],
      });
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN), {
        viewport: { width: 390, height: 844 },
      });
      const { page, faults } = opened;
      await go(page, "#/workflows/given");
      await page.getByRole("button", { name: "Rotate" }).click();
      const field = page.getByLabel("The new secret (optional)");
      await field.fill("short");
      await page.getByRole("button", { name: "Save the new secret" }).click();
      await page.getByText("must be 8 to 128 printable").first().waitFor();
      await expectReadable(page, "rotate");
      await field.fill("your-webhook-secret");
      await page.getByRole("button", { name: "Save the new secret" }).click();
      await page.getByText("your-webhook-secret").waitFor();
      const { body } = await service.api("GET", "/v1/workflows/given/secret");
      expect(body).toMatchObject({ secret: "your-webhook-secret" });
      // The refused one is in the console of the browser, as any 422 is.
      expect(faults.filter((fault) => !fault.includes("422"))).toEqual([]);
    },
    ALL_MS,
  );

  test(
    "the editor works by keyboard alone",
    async () => {
      await using opened = await openPage(browser, signedIn(`${service.url}/`, API_TOKEN));
      const { page, faults } = opened;
      await go(page, "#/workflows/orders");
      const list = page.getByRole("list", { name: "Trigger and nodes" });
      await list.getByRole("button", { name: "Trigger" }).focus();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await page.getByLabel("Condition").waitFor();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space");
      await page.getByLabel("Value", { exact: true }).waitFor();
      expect(faults).toEqual([]);
    },
    ALL_MS,
  );
});
