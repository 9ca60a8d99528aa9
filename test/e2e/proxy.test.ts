// FLUXHOOK_EGRESS_PROXY in the real process: whose failure an attempt is, and what follows from it.
import { expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { startProxyServer, WAIT } from "../support/proxy-server.ts";
import { eventFor, openScene, register, type Scene } from "../support/serve-scene.ts";
import type { ServiceProcess } from "../support/service.ts";

const FAILURES = 6;

interface Health {
  enabled: boolean;
  health: { consecutive_failures: number };
}

/** A webhook that is disabled by its sixth failure, and never tries a delivery twice. */
async function impatient(service: ServiceProcess, user_id: string, timeout_ms = 10_000) {
  return register(service, {
    user_id,
    url: "http://127.0.0.1:9/",
    timeout_ms,
    retry_schedule: ["0s"],
    disable_rule: { consecutive_failures: FAILURES },
  });
}

/** Pushes until so many attempts are in the log; answers their reasons. */
async function reasonsOf(scene: Scene, user: string, attempts: number): Promise<unknown[]> {
  await scene.push(...Array.from({ length: attempts }, (_, n) => eventFor(user, n)));
  const entries = await eventually(async () => {
    const found = await scene.logOf(user);
    return found.length >= attempts && found;
  });
  return [...new Set(entries.map(({ reason }) => reason))];
}

test("a webhook that the proxy cannot reach is disabled by its rule, with the reason receiver-unreachable", async () => {
  await using scene = await openScene();
  const proxy = await startProxyServer({
    says: () => "HTTP/1.1 503 Service Unavailable\r\n\r\n",
  });
  try {
    const service = await scene.serve({ FLUXHOOK_EGRESS_PROXY: proxy.url });
    const { id } = await impatient(service, "u_dead");
    expect(await reasonsOf(scene, "u_dead", FAILURES)).toEqual(["receiver-unreachable"]);
    await eventually(
      async () => !(await service.api<Health>("GET", `/v1/webhooks/${id}`)).body.enabled,
    );
  } finally {
    await proxy.stop();
  }
});

test("a fault of the proxy itself counts against no webhook", async () => {
  await using scene = await openScene();
  const proxy = await startProxyServer({
    says: () => "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
  });
  const service = await scene.serve({ FLUXHOOK_EGRESS_PROXY: proxy.url });
  const { id } = await impatient(service, "u_innocent");
  expect(await reasonsOf(scene, "u_innocent", FAILURES)).toEqual(["proxy"]);
  await proxy.stop();
  const before = (await scene.logOf("u_innocent")).length;
  await scene.push(eventFor("u_innocent", 99));
  await eventually(async () => (await scene.logOf("u_innocent")).length > before);
  const { body } = await service.api<Health>("GET", `/v1/webhooks/${id}`);
  expect(body).toMatchObject({ enabled: true, health: { consecutive_failures: 0 } });
});

test("a silent proxy counts against no webhook; one that answers others counts against the silent webhook", async () => {
  await using scene = await openScene();
  let answersOthers = false;
  const proxy = await startProxyServer({
    says: (authority) =>
      authority.endsWith(":9") || !answersOthers ? WAIT : "HTTP/1.1 403 Forbidden\r\n\r\n",
  });
  try {
    const service = await scene.serve({ FLUXHOOK_EGRESS_PROXY: proxy.url });
    const { id } = await impatient(service, "u_silent", 1_000);
    await register(service, {
      user_id: "u_other",
      url: "http://127.0.0.1:10/",
      retry_schedule: ["0s"],
    });
    const failures = async () =>
      (await service.api<Health>("GET", `/v1/webhooks/${id}`)).body.health.consecutive_failures;

    expect(await reasonsOf(scene, "u_silent", 2)).toEqual(["proxy-timeout"]);
    answersOthers = true;
    expect(await reasonsOf(scene, "u_other", 1)).toEqual(["proxy"]);
    await scene.push(eventFor("u_silent", 3));
    await eventually(async () => (await scene.logOf("u_silent")).length === 3);
    // The first two were not counted: a later count shows that theirs would have come by now.
    await eventually(async () => (await failures()) === 1);
  } finally {
    await proxy.stop();
  }
});
