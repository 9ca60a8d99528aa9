// What the browser gets before it runs anything: documents and files, their encodings, tags and policies.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { Dashboard, type DashboardOptions } from "../../src/dashboard/serve.ts";
import { isDashboardRequest } from "../../src/dashboard/paths.ts";
import { builtBinary } from "../support/browser.ts";
import { openScene, type Scene } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";

const OPTIONS: DashboardOptions = {
  version: "1.2.3",
  queues: ["fluxhook:events"],
  valkeyCli: "valkey-cli",
  portal: { origins: [], name: "Webhooks" },
};
const CSP = "content-security-policy";
const COLD_LOAD_BROTLI = 90_000;
const COLD_LOAD_GZIP = 100_000;
const DOCS_MORE = 6_000;

function ask(
  path: string,
  headers: Record<string, string> = {},
  { method = "GET", ...portal }: Partial<DashboardOptions["portal"]> & { method?: string } = {},
): Promise<Response> {
  const dashboard = new Dashboard({ ...OPTIONS, portal: { ...OPTIONS.portal, ...portal } });
  return dashboard.answer(new Request(`http://127.0.0.1${path}`, { method, headers }));
}

const text = async (path: string) => (await ask(path)).text();

/** The files that the document of this path loads. */
async function filesOf(path: string): Promise<string[]> {
  const named = (await text(path)).matchAll(/(?:href|src)="\.(\/assets\/[^"]+)"/g);
  return [...named].map(([, file = ""]) => file);
}

describe("the documents", () => {
  test("load nothing but files of this server, by names relative to themselves", async () => {
    const html = await text("/");
    const urls = [...html.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, url]) => url);
    expect(urls.length).toBeGreaterThan(2);
    for (const url of urls) expect(url).toMatch(/^\.\/assets\/[\w.-]+$/);
    expect(html).not.toMatch(/<style|<script[^>]*>[^<]| style=| on\w+=/);
  });

  test("hold the browser to a policy without inline code, other hosts and HTML made of text", async () => {
    const { headers } = await ask("/");
    expect(headers.get(CSP)).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
        "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-cache");
  });

  test("let those frame the portal whom the setting names, and nobody the dashboard", async () => {
    const origins = ["https://app.example", "https://two.example"];
    const portal = await ask("/portal", {}, { origins });
    expect(portal.headers.get(CSP)).toContain(
      "frame-ancestors https://app.example https://two.example;",
    );
    expect(portal.headers.get("x-frame-options")).toBeNull();
    const dashboard = await ask("/", {}, { origins });
    expect(dashboard.headers.get(CSP)).toContain("frame-ancestors 'none';");
    expect(dashboard.headers.get("x-frame-options")).toBe("DENY");
    const unnamed = await ask("/portal");
    expect(unnamed.headers.get(CSP)).toContain("frame-ancestors 'none';");
    expect(unnamed.headers.get("x-frame-options")).toBe("DENY");
  });

  test("of the portal says nothing of lists and of Valkey", async () => {
    expect(await text("/")).toContain("fluxhook:events");
    expect(await text("/portal")).not.toContain("fluxhook:events");
  });

  test("hold the portal's name as text", async () => {
    const name = `"><script>alert(1)</script>`;
    const html = await (await ask("/portal", {}, { name })).text();
    expect(html).not.toContain("<script>alert");
    expect(html).toContain("&lt;script&gt;alert(1)");
  });
});

describe("every file", () => {
  test.each(["/", "/portal"])(
    "of %s is there, in each encoding with the same content",
    async (path) => {
      for (const file of [path, ...(await filesOf(path))]) {
        const plain = await (await ask(file)).text();
        const brotli = await ask(file, { "Accept-Encoding": "gzip, br" });
        const gzip = await ask(file, { "Accept-Encoding": "gzip" });
        expect(brotli.headers.get("content-encoding")).toBe("br");
        expect(gzip.headers.get("content-encoding")).toBe("gzip");
        expect(brotliDecompressSync(await brotli.bytes()).toString()).toBe(plain);
        expect(gunzipSync(await gzip.bytes()).toString()).toBe(plain);
        expect(brotli.headers.get("vary")).toBe("Accept-Encoding");
        const tags = [brotli, gzip, await ask(file)].map(({ headers }) => headers.get("etag"));
        expect(new Set(tags).size).toBe(3);
        for (const tag of tags) expect(tag).toMatch(/^"[\w-]+"$/);
      }
    },
  );

  test("below /assets is kept for good, since its name changes with it", async () => {
    for (const file of await filesOf("/")) {
      const { headers, status } = await ask(file);
      expect(status).toBe(200);
      expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    }
  });

  test("is answered with 304 to whoever has it, by the tag of its own encoding", async () => {
    const first = await ask("/", { "Accept-Encoding": "br" });
    const etag = first.headers.get("etag") ?? "";
    const again = await ask("/", { "Accept-Encoding": "br", "If-None-Match": `"x", W/${etag}` });
    expect(again.status).toBe(304);
    expect(again.headers.get("etag")).toBe(etag);
    expect(again.body).toBeNull();
    const other = await ask("/", { "Accept-Encoding": "gzip", "If-None-Match": etag });
    expect(other.status).toBe(200);
  });

  test("that is none is 404, and 405 to what is no reading", async () => {
    expect((await ask("/assets/nothing.js")).status).toBe(404);
    expect((await ask("/assets/../index.html")).status).toBe(404);
    const posted = await ask("/", {}, { method: "POST" });
    expect(posted.status).toBe(405);
    expect(posted.headers.get("allow")).toBe("GET, HEAD");
    expect(posted.headers.get("content-type")).toBe("application/problem+json");
  });

  test("of a cold load with its charts stays within its budget, and the API reference adds little", async () => {
    const sizes = async (file: string) => ({
      brotli: (await (await builtFile(file, "br")).bytes()).length,
      gzip: (await (await builtFile(file, "gzip")).bytes()).length,
    });
    const html = await (await builtFile("/", "identity")).text();
    const files = [...html.matchAll(/(?:href|src)="\.(\/assets\/[^"]+)"/g)].map(([, f = ""]) => f);
    const cold = { brotli: 0, gzip: 0 };
    const main = files.find((file) => file.endsWith(".js")) ?? "";
    const code = await (await builtFile(main, "identity")).text();
    const chunk = (name: string) => {
      const [, file = ""] = new RegExp(`import\\("\\./(${name}-[\\w-]+\\.js)"\\)`).exec(code) ?? [];
      return `/assets/${file}`;
    };
    for (const file of ["/", ...files, chunk("charts")]) {
      const size = await sizes(file);
      cold.brotli += size.brotli;
      cold.gzip += size.gzip;
    }
    const docs = await sizes(chunk("docs"));
    console.log(
      `cold load ${cold.brotli} B brotli, ${cold.gzip} B gzip; docs ${docs.brotli} B more`,
    );
    expect(cold.brotli).toBeGreaterThan(10_000);
    expect(cold.brotli).toBeLessThanOrEqual(COLD_LOAD_BROTLI);
    expect(cold.gzip).toBeLessThanOrEqual(COLD_LOAD_GZIP);
    expect(docs.brotli).toBeGreaterThan(500);
    expect(docs.brotli).toBeLessThanOrEqual(DOCS_MORE);
  });

  // Of the binary: from source the compression is quick and not small.
  let scene: Scene;
  let service: ServiceProcess;
  beforeAll(async () => {
    scene = await openScene();
    service = await scene.serve({}, { binary: await builtBinary() });
  });
  afterAll(() => scene?.[Symbol.asyncDispose]());

  async function builtFile(path: string, encoding: string): Promise<Response> {
    const headers = { "Accept-Encoding": encoding };
    const response = await fetch(service.url + path, { headers, decompress: false });
    expect(response.status).toBe(200);
    return response;
  }

  test("has its length in the answer to HEAD", async () => {
    const headers = { "Accept-Encoding": "br" };
    const got = await fetch(`${service.url}/`, { headers, decompress: false });
    const head = await fetch(`${service.url}/`, { method: "HEAD", headers });
    expect(head.headers.get("content-length")).toBe(String((await got.bytes()).length));
    expect(head.headers.get("etag")).toBe(got.headers.get("etag"));
  });

  test("is gone where FLUXHOOK_DASHBOARD is false, and the API is not", async () => {
    const without = await scene.serve({ FLUXHOOK_DASHBOARD: "false" });
    for (const path of ["/", "/portal", "/docs"]) {
      expect((await fetch(without.url + path)).status).toBe(404);
    }
    expect((await fetch(`${without.url}/healthz`)).status).toBe(200);
  });

  test("is served from the sources too, without a build before", async () => {
    const fromSource = await scene.serve();
    const html = await (await fetch(`${fromSource.url}/`)).text();
    const [, main = ""] = /src="\.(\/assets\/[^"]+)"/.exec(html) ?? [];
    const response = await fetch(fromSource.url + main);
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("fluxhook");
  });
});

test("/docs leads to the reference, also below a proxy's path", async () => {
  const { status, headers } = await ask("/docs");
  expect(status).toBe(302);
  expect(headers.get("location")).toBe("./#/docs");
});

describe("a request is for the dashboard", () => {
  test.each([
    ["http://127.0.0.1/", true],
    ["http://127.0.0.1:8585/?x=1", true],
    ["http://127.0.0.1/portal", true],
    ["http://127.0.0.1/portal?a=/v1", true],
    ["http://127.0.0.1/docs", true],
    ["http://127.0.0.1/assets/x.js", true],
    // HTTP/1.0 without a Host.
    ["/", true],
    ["/portal", true],
    ["http://127.0.0.1/portal/", false],
    ["http://127.0.0.1/v1/webhooks", false],
    ["http://127.0.0.1/assets", false],
    ["http://127.0.0.1", false],
    ["/v1/events?x=/portal", false],
    ["", false],
  ])("%p: %p", (url, expected) => {
    expect(isDashboardRequest({ url })).toBe(expected);
  });
});
