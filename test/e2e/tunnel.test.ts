// `fluxhook listen`, driven as a user would: a service, the command, outsiders, a local server.
import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { eventually } from "../support/eventually.ts";
import {
  freePort,
  openListening,
  requestsOf,
  runInTerminal,
  startListener,
  through,
} from "../support/listener.ts";
import { eventFor, openScene, verifyAll } from "../support/serve-scene.ts";
import { API_TOKEN, type ServiceProcess } from "../support/service.ts";

const MIB = 1024 * 1024;

async function webhooksOf(service: ServiceProcess, user: string): Promise<unknown[]> {
  const { body } = await service.api<{ webhooks: unknown[] }>(
    "GET",
    `/v1/webhooks?user_id=${user}`,
  );
  return body.webhooks;
}

describe("an outsider's request", () => {
  test("arrives as it was sent, and the local server's answer goes back, over two replicas", async () => {
    await using scene = await openScene();
    const [here, there] = await Promise.all([scene.serve(), scene.serve()]);
    const local = scene.receiver(
      () =>
        new Response("made", {
          status: 201,
          headers: { "X-Local": "yes", "Content-Type": "text/plain", "Set-Cookie": "a=1" },
        }),
    );
    const forwardTo = `127.0.0.1:${local.port}/webhooks/flux`;
    await using listener = await startListener(here.url, ["--forward-to", forwardTo]);

    const url = `${through(listener.url, there)}/rest%20of/it?x=1&y=%2F`;
    const response = await fetch(url, {
      method: "PUT",
      headers: {
        "X-Signature": "sha256=abc",
        "Content-Type": "application/x-odd",
        Connection: "X-Hop",
        "X-Hop": "1",
      },
      body: '{"type":"invoice.paid"}',
    });

    expect([response.status, await response.text()]).toEqual([201, "made"]);
    expect(response.headers.get("x-local")).toBe("yes");
    expect(response.headers.get("content-type")).toBe("text/plain");
    // On Fluxhook's own origin a page of the local server is nobody's.
    expect(response.headers.get("set-cookie")).toBeNull();
    expect(response.headers.get("content-security-policy")).toBe("sandbox");

    const [request] = await local.waitFor(1);
    expect(request).toMatchObject({ method: "PUT", path: "/webhooks/flux/rest%20of/it?x=1&y=%2F" });
    expect(request?.text).toBe('{"type":"invoice.paid"}');
    expect(request?.headers.get("x-signature")).toBe("sha256=abc");
    expect(request?.headers.get("content-type")).toBe("application/x-odd");
    expect(request?.headers.get("host")).toBe(`127.0.0.1:${local.port}`);
    expect(request?.headers.get("x-hop")).toBeNull();
    await eventually(() =>
      expect(requestsOf(listener)).toMatchObject([{ status: 201, event: "invoice.paid" }]),
    );
  });

  test("of 5 MiB arrives byte for byte, and so does an answer of 5 MiB; one byte more is refused", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const back = randomBytes(5 * MIB);
    const local = scene.receiver(() => new Response(back));
    await using listener = await startListener(service.url, ["--forward-to", `:${local.port}/`]);

    const sent = randomBytes(5 * MIB);
    const response = await fetch(listener.url, { method: "POST", body: sent });
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(back)).toBe(true);
    const [request] = await local.waitFor(1);
    expect(Buffer.from(request?.body ?? []).equals(sent)).toBe(true);

    const tooLarge = await fetch(listener.url, { method: "POST", body: randomBytes(5 * MIB + 1) });
    expect(tooLarge.status).toBe(413);
    expect(local.requests).toHaveLength(1);
  });

  test("gets 502 where the local server is down, and the user sees why", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    await using listener = await startListener(service.url, ["--forward-to", freePort()]);
    const response = await fetch(listener.url);
    expect(response.status).toBe(502);
    expect(await response.text()).toContain("is your server running?");
    await eventually(() =>
      expect(requestsOf(listener)).toMatchObject([{ status: 502, method: "GET" }]),
    );
    expect(requestsOf(listener)[0]?.problem).toContain("refuses the connection");
  });

  test("that breaks off in its body is not reported as an error of the service", async () => {
    await using scene = await openScene();
    const { service, local, listener } = await openListening(scene);
    await using _ = listener;
    const { hostname, port, pathname } = new URL(listener.url);
    const socket = connect(Number(port), hostname);
    socket.write(`POST ${pathname} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbegun`);
    await once(socket, "connect");
    // Answered behind it, so the service has read what came before.
    expect((await fetch(listener.url)).status).toBe(204);
    socket.resetAndDestroy();
    expect((await fetch(listener.url)).status).toBe(204);
    expect(local.requests).toHaveLength(2);
    expect(service.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("to an unknown token is answered with 404", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    for (const path of ["/l/", "/l/short", `/l/${"A".repeat(32)}`, `/l/${"A".repeat(32)}/below`]) {
      const response = await fetch(service.url + path, { method: "POST", body: "{}" });
      expect([path, response.status]).toEqual([path, 404]);
    }
  });
});

describe("a delivery to the temporary webhook", () => {
  test("arrives signed, has the local server's status as its outcome, and follows the patterns", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const statuses = [204, 500];
    const local = scene.receiver(
      (_request, at) => new Response(null, { status: statuses[at] ?? 204 }),
    );
    await using listener = await startListener(service.url, [
      "--forward-to",
      `localhost:${local.port}/hooks`,
      "--user",
      "u_1",
      "--events",
      "file.*",
    ]);
    await scene.push(eventFor("u_1", 1), eventFor("u_1", 2, "share.linked"));
    const [first] = await local.waitFor(1);
    expect(first).toMatchObject({ method: "POST", path: "/hooks" });
    expect(first?.headers.get("user-agent")).toBe("Fluxhook/1.0");
    if (first) verifyAll(first, listener.secret);

    await scene.push(eventFor("u_1", 3));
    await local.waitFor(2);
    const log = await eventually(async () => {
      const entries = await scene.logOf("u_1");
      return entries.length === 2 && entries;
    });
    expect(log).toMatchObject([
      { outcome: "retry", reason: "http-500", status_code: 500 },
      { outcome: "delivered", status_code: 204 },
    ]);
    // Whoever reads the log must not be able to send to the URL.
    expect(JSON.stringify(log)).not.toContain(listener.url.split("/l/")[1] ?? "");
    await eventually(() =>
      expect(requestsOf(listener)).toMatchObject([
        { event: "file.created", status: 204 },
        { event: "file.created", status: 500 },
      ]),
    );
  });

  test("is tested like any other webhook", async () => {
    await using scene = await openScene();
    const { service, local, listener } = await openListening(scene, "--user", "u_1");
    await using _ = listener;
    const { body } = await service.api("POST", `/v1/webhooks/${listener.webhookId}/test`);
    expect(body).toMatchObject({ attempt: { outcome: "delivered", status_code: 204 } });
    expect(local.requests).toHaveLength(1);
  });
});

describe("the end of a session", () => {
  test("by Ctrl-C removes the webhook and the URL", async () => {
    await using scene = await openScene();
    const { service, listener } = await openListening(scene, "--user", "u_1");
    await using _ = listener;
    expect(await webhooksOf(service, "u_1")).toHaveLength(1);
    listener.signal("SIGINT");
    expect(await listener.exited).toBe(0);
    expect(await webhooksOf(service, "u_1")).toEqual([]);
    expect((await fetch(listener.url)).status).toBe(404);
  });

  test("on the server is shown, and a new session replaces it", async () => {
    await using scene = await openScene();
    const { service, local, listener } = await openListening(scene, "--user", "u_1");
    await using _ = listener;
    for (const key of await scene.redis.keys(`{${scene.prefix}:listen}:session:*`))
      await scene.redis.del(key);
    const second = await eventually(() => {
      const sessions = listener.lines.filter(({ type }) => type === "session");
      return sessions[1] ?? null;
    });
    expect(second.url).not.toBe(listener.url);
    expect((await fetch(listener.url)).status).toBe(404);
    expect((await fetch(second.url ?? "")).status).toBe(204);
    expect(local.requests).toHaveLength(1);
    // The first session's webhook goes with the next sweep.
    await eventually(async () => expect(await webhooksOf(service, "u_1")).toHaveLength(1), {
      withinMs: 25_000,
    });
  }, 60_000);
});

test("an owner who deletes each temporary webhook has at most ten sessions alive", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const statuses: number[] = [];
  for (let begun = 0; begun < 60; begun += 1) {
    const { status, body } = await service.api<{ webhook_id: string }>("POST", "/v1/listen", {
      user_id: "u_1",
    });
    statuses.push(status);
    if (status === 201) await service.api("DELETE", `/v1/webhooks/${body.webhook_id}`);
  }
  expect(statuses.filter((status) => status === 201)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(50);
});

describe("in a terminal", () => {
  test("fluxhook listen prints a line for each request and the connection's state; r sends the last one again; Ctrl-C restores the terminal", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const local = scene.receiver();
    await using run = runInTerminal(
      ["listen", "--forward-to", `localhost:${local.port}/hook`, "--user", "u_1"],
      { FLUXHOOK_URL: service.url, FLUXHOOK_API_TOKEN: API_TOKEN },
    );
    await eventually(() =>
      expect(run.shown()).toContain("● connected  r resends the last request"),
    );
    await scene.push(eventFor("u_1"));
    await local.waitFor(1);
    await eventually(() =>
      expect(run.shown()).toMatch(/\d\d:\d\d:\d\d {2}file\.created {12}-> .*204.* {2}\d+ ms/),
    );

    run.press("r");
    const [first, second] = await local.waitFor(2);
    expect(second?.text).toBe(first?.text);
    expect(second?.headers.get("webhook-signature")).toBe(
      first?.headers.get("webhook-signature") ?? "",
    );
    await eventually(() => expect(run.shown()).toContain("again"));

    // A type is anybody's text: it forges no line and moves no cursor.
    const forged = "a\n12:00:00  file.created  -> 200  FORGED\u001b[2A\u009b2J\u202e";
    const url = /https?:\/\/\S+\/l\/[\w-]+/.exec(run.shown())?.[0] ?? "";
    await fetch(url, { method: "POST", body: JSON.stringify({ type: forged }) });
    await eventually(() => expect(run.shown()).toContain("FORGED"));
    const lines = Bun.stripANSI(run.shown()).split("\n");
    expect(lines.filter((line) => line.startsWith("12:00:00"))).toEqual([]);
    expect(run.shown()).toContain("a\\n12:00:00");
    for (const sign of ["\u001b[2A", "\u009b", "\u202e"]) expect(run.shown()).not.toContain(sign);

    run.press("\u0003");
    expect(await run.exited).toBe(0);
    await eventually(() => expect(run.shown()).toMatch(/[^-]icanon/));
    expect(run.shown()).not.toContain("-icanon");
    // Unasked for, the secret is not shown.
    expect(run.shown()).not.toContain("whsec_");
    expect(await webhooksOf(service, "u_1")).toEqual([]);
  });
});
