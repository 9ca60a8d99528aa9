import { describe, expect, test } from "bun:test";
import { checkOpenings, checkProxy, checkReceivers } from "../../../src/cli/doctor/egress.ts";
import { askNames, checkNames, namesToAsk } from "../../../src/cli/doctor/names.ts";
import { createGuard } from "../../../src/delivery/guard/guard.ts";
import { createResolver } from "../../../src/delivery/guard/resolve.ts";
import { startTcpReceiver } from "../../support/tcp-receiver.ts";

/** Names of a small world; every other one does not exist. */
const WORLD: Record<string, string> = {
  "public.example": "93.184.216.34",
  "inside.example": "10.1.2.3",
  "metadata.example": "169.254.169.254",
};
const resolve = createResolver({
  lookup: async (name) => {
    const address = WORLD[name];
    if (address === undefined) throw Object.assign(new Error(name), { code: "DNS_ENOTFOUND" });
    return [{ address, family: 4 }];
  },
});
const guard = createGuard({
  allowRanges: [],
  ports: [{ from: 443, to: 443 }],
  allowHttp: false,
  resolve,
});

const webhooks = (...urls: string[]) => ({
  webhooks: urls.map((url, i) => ({ id: `wh_${i + 1}` as const, url, enabled: true, text: "" })),
  total: urls.length,
  unreadable: 0,
});

describe("FLUXHOOK_EGRESS_ALLOW", () => {
  test.each([
    [[], "ok"],
    [["10.20.0.0/16"], "ok"],
    [["127.0.0.0/8", "::1/128"], "ok"],
    [["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"], "ok"],
    [["0.0.0.0/0"], "problem"],
    [["::/0"], "problem"],
    [["0.0.0.0/1", "128.0.0.0/1"], "problem"],
    [["169.254.169.254"], "problem"],
    [["169.254.0.0/16"], "problem"],
    [["100.64.0.0/10"], "problem"],
    [["168.63.129.16/32"], "problem"],
    [["fd00::/8"], "problem"],
    [["fd12:3456::/32"], "ok"],
  ])("of %j", (ranges, status) => {
    expect(checkOpenings({ EGRESS_ALLOW: ranges, EGRESS_HTTP: false }).status).toBe(
      status as "ok" | "problem",
    );
  });

  test.each(["0.0.0.0/0", "::/0", "128.0.0.0/1"])("of %s switches the guard off", (range) => {
    const { found } = checkOpenings({ EGRESS_ALLOW: [range], EGRESS_HTTP: false });
    expect(found).toBe(`FLUXHOOK_EGRESS_ALLOW ${range}: the guard is off`);
  });

  test("with plain http to public addresses is a warning", () => {
    const finding = checkOpenings({ EGRESS_ALLOW: ["10.20.0.0/16"], EGRESS_HTTP: true });
    expect([finding.status, finding.found]).toEqual(["warning", expect.stringContaining("10.20.")]);
  });
});

describe("the registered webhooks", () => {
  test("are ok if the guard allows them all", async () => {
    const all = webhooks("https://public.example/a", "https://93.184.216.34/b");
    expect(await checkReceivers(guard, all, undefined)).toEqual({
      status: "ok",
      found: "of 2 webhooks, 0 are denied",
      advice: null,
    });
  });

  test("that the guard denies are counted and named, without path, query and credentials", async () => {
    const finding = await checkReceivers(
      guard,
      webhooks(
        "https://public.example/a",
        "https://canary:canary@inside.example/canary?canary=1",
        "http://public.example/canary",
        "https://public.example:8443/",
        "https://metadata.example/",
        "https://gone.example/",
      ),
      undefined,
    );
    expect(finding.status).toBe("warning");
    expect(finding.found.split("\n")).toEqual([
      "of 6 webhooks, 4 are denied, 1 have no address",
      "wh_2 (inside.example): 10.1.2.3 is private 10.0.0.0/8",
      "wh_3 (public.example): plain http is not enabled (EGRESS_HTTP)",
      "wh_4 (public.example:8443): port 8443 is not in EGRESS_PORTS",
      "…",
    ]);
    expect(JSON.stringify(finding)).not.toContain("canary");
  });

  test("that are disabled are not checked", async () => {
    const { webhooks: list } = webhooks("https://inside.example/");
    const disabled = list.map((webhook) => ({ ...webhook, enabled: false }));
    const registered = { webhooks: disabled, total: 1, unreadable: 0 };
    expect((await checkReceivers(guard, registered, undefined)).status).toBe("skipped");
  });

  test("are sampled if there are many, and the finding says so", async () => {
    const sample = { ...webhooks("https://public.example/"), total: 5_000 };
    const { found } = await checkReceivers(guard, sample, undefined);
    expect(found).toBe("of 1 webhooks (a sample of 5000), 0 are denied");
  });

  test("are a warning if denied, but a denied FLUXHOOK_ALERT_URL is a problem", async () => {
    const url = "https://inside.example/canary";
    const finding = await checkReceivers(guard, webhooks("https://public.example/"), url);
    expect(finding.status).toBe("problem");
    expect(finding.found).toStartWith("FLUXHOOK_ALERT_URL (inside.example): 10.1.2.3 is private");
    expect(finding.found).not.toContain("canary");
  });
});

describe("names", () => {
  const settings = { VALKEY_URL: "redis://127.0.0.1:6379" };
  const ask = async (urls: string[], more: Record<string, string> = {}) => {
    const names = namesToAsk(webhooks(...urls).webhooks, { ...settings, ...more });
    return checkNames(await askNames(names, () => resolve));
  };

  test("are resolved once each; addresses are skipped", () => {
    const names = namesToAsk(
      webhooks(
        "https://public.example/a",
        "https://public.example/b",
        "https://93.184.216.34/",
        "https://[2606:4700::1]/",
      ).webhooks,
      {
        VALKEY_URL: "rediss://user:canary@valkey.example:6379/0",
        ALERT_URL: "https://alerts.example/x",
        EGRESS_PROXY: "http://10.0.0.1:3128",
      },
    );
    expect(names).toEqual([
      { name: "valkey.example", setting: "FLUXHOOK_VALKEY_URL" },
      { name: "alerts.example", setting: "FLUXHOOK_ALERT_URL" },
      { name: "public.example", setting: null },
    ]);
  });

  test("are resolved for at most fifty hosts", () => {
    const many = Array.from({ length: 200 }, (_, i) => `https://h${i}.example/`);
    expect(namesToAsk(webhooks(...many).webhooks, settings)).toHaveLength(50);
  });

  test.each([
    ["all resolve", ["https://public.example/", "https://inside.example/"], {}, "ok"],
    ["there is none", ["https://10.0.0.1/"], {}, "skipped"],
    ["one webhook's is gone", ["https://public.example/", "https://gone.example/"], {}, "warning"],
    ["the only webhook's is gone", ["https://gone.example/"], {}, "warning"],
    ["none of several resolves", ["https://a.example/", "https://b.example/"], {}, "problem"],
    [
      "the alerts' is gone",
      ["https://public.example/"],
      { ALERT_URL: "https://x.example/" },
      "problem",
    ],
    ["Valkey's is gone", [], { VALKEY_URL: "redis://v.example" }, "problem"],
  ] as const)("where %s", async (_, urls, more, status) => {
    expect((await ask([...urls], more)).status).toBe(status);
  });

  test("that do not resolve are shown with the reason, those of settings first", async () => {
    const { found } = await ask(["https://gone.example/"], { ALERT_URL: "https://x.example/" });
    expect(found).toMatch(/^0 of 2 names resolve, the slowest took \d+ ms\n/);
    expect(found).toEndWith(
      "\nnot: FLUXHOOK_ALERT_URL x.example (ENOTFOUND), gone.example (ENOTFOUND)",
    );
  });

  test("that resolve slowly are a warning", () => {
    const late = { name: "a.example", setting: null, failure: null, ms: 2_500 };
    expect(checkNames([late]).status).toBe("warning");
  });
});

describe("FLUXHOOK_EGRESS_PROXY", () => {
  test("is ok if it accepts connections, and its credentials are not shown", async () => {
    const proxy = await startTcpReceiver();
    const finding = await checkProxy(`http://canary:canary@127.0.0.1:${proxy.port}`);
    await proxy.stop();
    expect(finding.status).toBe("ok");
    expect(finding.found).toStartWith(`http://127.0.0.1:${proxy.port} takes connections`);
  });

  test("is a problem if nothing listens", async () => {
    const proxy = await startTcpReceiver();
    await proxy.stop();
    const finding = await checkProxy(`http://canary:canary@127.0.0.1:${proxy.port}`);
    expect([finding.status, finding.found]).toEqual([
      "problem",
      `http://127.0.0.1:${proxy.port}: ECONNREFUSED`,
    ]);
  });

  test("is skipped if it is not set", async () => {
    expect((await checkProxy(undefined)).status).toBe("skipped");
  });
});
