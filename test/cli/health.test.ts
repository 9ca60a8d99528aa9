import { afterEach, describe, expect, test } from "bun:test";
import { networkInterfaces } from "node:os";
import { health } from "../../src/cli/health.ts";

const servers: Bun.Server<undefined>[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop(true)));
});

/** A service whose /readyz gives this answer; everything else is 404. */
function service(answer: () => Response | Promise<Response>, hostname = "127.0.0.1"): string {
  const server = Bun.serve({
    hostname,
    port: 0,
    fetch: (request) =>
      new URL(request.url).pathname === "/readyz" ? answer() : new Response(null, { status: 404 }),
  });
  servers.push(server);
  return String(server.port);
}

async function run(environment: Record<string, string>): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const code = await health(environment, (line) => said.push(line));
  return { code, said: said.join("\n") };
}

/** A container may have none. */
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((one) => one?.address === "::1");

describe("fluxhook health", () => {
  test("ends with 0 and prints nothing if /readyz answers 200", async () => {
    const port = service(() => new Response());
    expect(await run({ FLUXHOOK_PORT: port })).toEqual({ code: 0, said: "" });
  });

  test.each(["0.0.0.0", "127.0.0.1", "localhost"])(
    "connects to the loopback address for %s",
    async (host) => {
      const port = service(() => new Response(), host);
      expect(await run({ FLUXHOOK_HOST: host, FLUXHOOK_PORT: port })).toEqual({
        code: 0,
        said: "",
      });
    },
  );

  test.skipIf(!hasIpv6)("puts an IPv6 address into brackets", async () => {
    const port = service(() => new Response(), "::1");
    expect(await run({ FLUXHOOK_HOST: "::", FLUXHOOK_PORT: port })).toEqual({ code: 0, said: "" });
    expect((await run({ FLUXHOOK_HOST: "::1", FLUXHOOK_PORT: port })).code).toBe(0);
  });

  test("ends with 1 and prints the problem if the service is not ready", async () => {
    const port = service(() => Response.json({ detail: "Valkey: refused" }, { status: 503 }));
    expect(await run({ FLUXHOOK_PORT: port })).toEqual({
      code: 1,
      said: "fluxhook: not ready: 503 Valkey: refused",
    });
  });

  test("ends with 1 if another program answers", async () => {
    const port = service(() => Response.redirect("http://127.0.0.1/", 302));
    expect(await run({ FLUXHOOK_PORT: port })).toEqual({
      code: 1,
      said: "fluxhook: not ready: 302",
    });
  });

  test("ends with 1 if nothing listens", async () => {
    const port = service(() => new Response());
    await servers.pop()?.stop(true);
    const { code, said } = await run({ FLUXHOOK_PORT: port });
    expect(code).toBe(1);
    expect(said).toStartWith("fluxhook: not ready: ");
  });

  test("ends with 1, which Docker knows, if a setting is invalid", async () => {
    const { code, said } = await run({ FLUXHOOK_PORT: "x" });
    expect(code).toBe(1);
    expect(said).toContain("FLUXHOOK_PORT");
    expect((await run({ FLUXHOOK_PORT: "0" })).code).toBe(1);
  });

  test("connects directly to the service, even if the environment names a proxy", async () => {
    const port = service(() => new Response());
    const before = process.env.http_proxy;
    process.env.http_proxy = "http://127.0.0.1:1";
    try {
      expect((await run({ FLUXHOOK_PORT: port })).code).toBe(0);
    } finally {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
    }
  });
});
