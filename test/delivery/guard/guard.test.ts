import { describe, expect, test } from "bun:test";
import type { Address } from "../../../src/delivery/guard/address.ts";
import { Deadline } from "../../../src/deadline.ts";
import { createGuard, type GuardOptions, type Verdict } from "../../../src/delivery/guard/guard.ts";
import { createOwnListeners } from "../../../src/delivery/guard/own-ports.ts";
import { createResolver } from "../../../src/delivery/guard/resolve.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";

const ip = (address: string): Address => ({ address, family: address.includes(":") ? 6 : 4 });

/** Names and the addresses that the resolver returns. */
const NAMES: Record<string, string[]> = {
  "public.test": ["8.8.8.8", "2606:4700:4700::1111"],
  "private.test": ["10.0.0.5"],
  "mixed.test": ["8.8.8.8", "10.0.0.5"],
  "mixed-v6.test": ["8.8.8.8", "::ffff:10.0.0.5"],
  "localhost.": ["127.0.0.1"],
  localhost: ["127.0.0.1", "::1"],
  "half-exempt.test": ["10.0.0.5", "8.8.8.8"],
  "garbage.test": ["8.8.8.8", "not-an-address"],
};

function setUp(options: Partial<GuardOptions> = {}, names = NAMES) {
  const asked: string[] = [];
  const guard = createGuard({
    allowRanges: [],
    ports: [
      { from: 80, to: 80 },
      { from: 443, to: 443 },
      { from: 1024, to: 65_535 },
    ],
    allowHttp: false,
    resolve: createResolver({
      async lookup(name) {
        asked.push(name);
        const found = names[name];
        if (!found) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
        return found.map(ip);
      },
      keepMs: 0,
    }),
    ...options,
  });
  async function check(url: string): Promise<Verdict> {
    const deadline = new Deadline(20_000);
    try {
      return await guard.check(readTarget(url), deadline);
    } finally {
      deadline.clear();
    }
  }
  return { check, asked };
}

async function shown(verdict: Promise<Verdict>): Promise<string> {
  const found = await verdict;
  if (found.verdict === "allowed") return found.addresses.map(({ address }) => address).join(" ");
  return `${found.verdict}: ${found.detail}`;
}

const HTTP_OFF = "blocked: plain http is not enabled (EGRESS_HTTP)";

describe("with the default settings", () => {
  const cases: [url: string, verdict: string][] = [
    ["https://public.test/", "8.8.8.8 2606:4700:4700::1111"],
    ["https://8.8.8.8/", "8.8.8.8"],
    ["https://[2606:4700:4700::1111]/", "2606:4700:4700::1111"],
    ["https://private.test/", "blocked: 10.0.0.5 is private 10.0.0.0/8"],
    ["https://mixed.test/", "blocked: 10.0.0.5 is private 10.0.0.0/8"],
    ["https://mixed-v6.test/", "blocked: ::ffff:10.0.0.5 is IPv4-mapped around private 10.0.0.0/8"],
    ["https://garbage.test/", "blocked: not-an-address is not an IP address"],
    ["https://localhost/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://localhost./", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://LOCALHOST/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://127.0.0.1/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://2130706433/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://0177.0.0.1/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://0x7f000001/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://１２７.0.0.1/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["https://0/", "blocked: 0.0.0.0 is this network 0.0.0.0/8"],
    ["https://[::1]/", "blocked: ::1 is loopback ::1/128"],
    [
      "https://[::ffff:127.0.0.1]/",
      "blocked: ::ffff:7f00:1 is IPv4-mapped around loopback 127.0.0.0/8",
    ],
    [
      "https://[64:ff9b::169.254.169.254]/",
      "blocked: 64:ff9b::a9fe:a9fe is NAT64 around link-local 169.254.0.0/16",
    ],
    ["http://169.254.169.254/", "blocked: 169.254.169.254 is link-local 169.254.0.0/16"],
    ["https://public.test@127.0.0.1/", "blocked: 127.0.0.1 is loopback 127.0.0.0/8"],
    ["http://public.test/", HTTP_OFF],
    ["http://8.8.8.8/", HTTP_OFF],
    ["https://public.test:80/", "8.8.8.8 2606:4700:4700::1111"],
    ["https://public.test:1024/", "8.8.8.8 2606:4700:4700::1111"],
    ["https://public.test:65535/", "8.8.8.8 2606:4700:4700::1111"],
    ["https://public.test:1023/", "blocked: port 1023 is not in EGRESS_PORTS"],
    ["https://public.test:81/", "blocked: port 81 is not in EGRESS_PORTS"],
    ["https://public.test:22/", "blocked: port 22 is not in EGRESS_PORTS"],
    ["https://public.test:0/", "blocked: port 0 is not in EGRESS_PORTS"],
    ["file:///etc/passwd", "blocked: the scheme file: is not http or https"],
    ["data:text/plain,hello", "blocked: the scheme data: is not http or https"],
    ["ftp://public.test/", "blocked: the scheme ftp: is not http or https"],
    ["s3://public.test/", "blocked: the scheme s3: is not http or https"],
    ["no url", "blocked: the URL cannot be parsed"],
    ["https://nowhere.test/", "unresolved: ENOTFOUND"],
    // No address that the name may get later would allow them.
    ["http://nowhere.test/", HTTP_OFF],
    ["https://nowhere.test:22/", "blocked: port 22 is not in EGRESS_PORTS"],
    ["https://a..b/", `blocked: "a..b" is not a host's name: it has an empty label`],
    ["https://127.0.0.1../", `blocked: "127.0.0.1.." is not a host's name: it has an empty label`],
    [
      "https://*.test/",
      `blocked: "*.test" is not a host's name: it has characters other than letters, digits, - and _`,
    ],
  ];
  const { check } = setUp();
  test.each(cases)("%s → %s", async (url, verdict) => {
    expect(await shown(check(url))).toBe(verdict);
  });
});

describe("with EGRESS_ALLOW=10.0.0.0/8,127.0.0.0/8", () => {
  const cases: [url: string, verdict: string][] = [
    ["https://private.test/", "10.0.0.5"],
    ["http://private.test/", "10.0.0.5"],
    ["http://private.test:22/", "10.0.0.5"],
    ["http://127.0.0.1:8080/", "127.0.0.1"],
    ["http://[::ffff:127.0.0.1]:22/", "::ffff:7f00:1"],
    ["https://192.168.0.1/", "blocked: 192.168.0.1 is private 192.168.0.0/16"],
    ["http://localhost/", "blocked: ::1 is loopback ::1/128"],
    ["https://half-exempt.test/", "8.8.8.8 10.0.0.5"],
    ["http://half-exempt.test/", HTTP_OFF],
    ["https://half-exempt.test:22/", "blocked: port 22 is not in EGRESS_PORTS"],
    ["http://nowhere.test/", "unresolved: ENOTFOUND"],
    ["file:///etc/passwd", "blocked: the scheme file: is not http or https"],
  ];
  const { check } = setUp({ allowRanges: ["10.0.0.0/8", "127.0.0.0/8"] });
  test.each(cases)("%s → %s", async (url, verdict) => {
    expect(await shown(check(url))).toBe(verdict);
  });
});

test("EGRESS_HTTP allows plain http to public addresses only", async () => {
  const { check } = setUp({ allowHttp: true });
  expect(await shown(check("http://public.test/"))).toBe("8.8.8.8 2606:4700:4700::1111");
  expect(await shown(check("http://private.test/"))).toStartWith("blocked: 10.0.0.5");
  expect(await shown(check("http://public.test:22/"))).toStartWith("blocked: port 22");
});

test("an address in the URL is never looked up", async () => {
  const { check, asked } = setUp();
  for (const url of ["https://8.8.8.8/", "https://134744072/", "https://[2606:4700:4700::1111]/"]) {
    expect((await check(url)).verdict).toBe("allowed");
  }
  expect(asked).toEqual([]);
});

test("a name that moves to a private address is checked again", async () => {
  const names: Record<string, string[]> = { "rebind.test": ["8.8.8.8"] };
  const { check } = setUp({}, names);
  expect((await check("https://rebind.test/")).verdict).toBe("allowed");
  names["rebind.test"] = ["127.0.0.1"];
  expect((await check("https://rebind.test/")).verdict).toBe("blocked");
});

test("a look-up that outlasts the attempt is a time-out, not a DNS failure", async () => {
  const guard = createGuard({
    allowRanges: [],
    ports: [{ from: 443, to: 443 }],
    allowHttp: false,
    resolve: createResolver({ lookup: () => new Promise(() => {}) }),
  });
  expect(await guard.check(readTarget("https://slow.test/"), new Deadline(5))).toMatchObject({
    verdict: "unresolved",
    reason: "timeout",
  });
});

describe("messages to the user", () => {
  const cases: [url: string, message: string][] = [
    [
      "https://2130706433/",
      "127.0.0.1 is loopback 127.0.0.0/8; Fluxhook delivers there only if FLUXHOOK_EGRESS_ALLOW allows it",
    ],
    // The message does not show the internal address of a name.
    [
      "https://private.test/",
      "private.test resolves to private 10.0.0.0/8; Fluxhook delivers there only if FLUXHOOK_EGRESS_ALLOW allows it",
    ],
    [
      "http://public.test/",
      "plain http is not accepted; use https (FLUXHOOK_EGRESS_HTTP allows http to public addresses)",
    ],
    [
      "https://public.test:22/",
      "port 22 is not accepted; FLUXHOOK_EGRESS_PORTS allows 80, 443, 1024-65535",
    ],
    ["https://a..b/", `"a..b" is not a host's name: it has an empty label`],
    ["ftp://public.test/", 'the scheme "ftp:" is not accepted; use https: or http:'],
    ["no url", "is not a URL"],
  ];
  const { check } = setUp();
  test.each(cases)("%s → %s", async (url, message) => {
    expect(await check(url)).toMatchObject({ verdict: "blocked", message });
  });
});

describe("Fluxhook's own listeners, with everything else allowed", () => {
  const ownListeners = createOwnListeners({ localAddresses: () => ["127.0.0.1", "192.168.0.7"] });
  ownListeners.add({ name: "Fluxhook's own API", host: "0.0.0.0", port: 8585 });
  ownListeners.add({ name: "Fluxhook's Valkey", host: "10.0.0.5", port: 6379 });
  ownListeners.add({ name: "Fluxhook's other Valkey", host: "nowhere.invalid", port: 6380 });
  const { check } = setUp({ allowRanges: ["0.0.0.0/0", "::/0"], ownListeners });
  const api = "at port 8585 is Fluxhook's own API";
  const cases: [url: string, verdict: string][] = [
    ["http://127.0.0.1:8585/", `blocked: 127.0.0.1 ${api}`],
    ["http://localhost:8585/", `blocked: 127.0.0.1 ${api}`],
    ["http://127.1.2.3:8585/", `blocked: 127.1.2.3 ${api}`],
    ["http://0:8585/", `blocked: 0.0.0.0 ${api}`],
    ["http://192.168.0.7:8585/", `blocked: 192.168.0.7 ${api}`],
    ["http://[::1]:8585/", `blocked: ::1 ${api}`],
    ["http://[::ffff:127.0.0.1]:8585/", `blocked: ::ffff:7f00:1 ${api}`],
    ["http://[::127.0.0.1]:8585/", `blocked: ::7f00:1 ${api}`],
    ["http://10.0.0.5:6379/", "blocked: 10.0.0.5 at port 6379 is Fluxhook's Valkey"],
    ["http://private.test:6379/", "blocked: 10.0.0.5 at port 6379 is Fluxhook's Valkey"],
    ["http://half-exempt.test:6379/", "blocked: 10.0.0.5 at port 6379 is Fluxhook's Valkey"],
    ["http://127.0.0.1:8586/", "127.0.0.1"],
    ["http://192.168.0.8:8585/", "192.168.0.8"],
    ["http://10.0.0.6:6379/", "10.0.0.6"],
    ["http://127.0.0.1:6379/", "127.0.0.1"],
    ["http://10.0.0.5:6378/", "10.0.0.5"],
  ];
  test.each(cases)("%s → %s", async (url, verdict) => {
    expect(await shown(check(url))).toBe(verdict);
  });

  test("the message about Fluxhook's own listener says that no setting allows it", async () => {
    expect(await check("http://localhost:8585/")).toMatchObject({
      message:
        "localhost resolves to Fluxhook's own API at port 8585; Fluxhook never delivers there, whatever FLUXHOOK_EGRESS_ALLOW allows",
    });
  });

  test("a port of Fluxhook's own is blocked while its address cannot be determined", async () => {
    expect(await check("http://10.0.0.6:6380/")).toMatchObject({
      verdict: "unresolved",
      reason: "dns",
    });
  });

  test("Fluxhook's own listeners are checked at each attempt, because this machine's addresses change", async () => {
    const local = ["127.0.0.1"];
    const moving = createOwnListeners({ localAddresses: () => local });
    moving.add({ name: "Fluxhook's own API", host: "::", port: 8585 });
    const guard = setUp({ allowRanges: ["10.0.0.0/8"], ownListeners: moving });
    expect((await guard.check("http://10.0.0.9:8585/")).verdict).toBe("allowed");
    local.push("10.0.0.9");
    expect((await guard.check("http://10.0.0.9:8585/")).verdict).toBe("blocked");
  });

  test("the check of other ports stays synchronous", () => {
    const guard = createGuard({
      allowRanges: [],
      ports: [{ from: 443, to: 443 }],
      allowHttp: false,
      resolve: createResolver(),
      ownListeners,
    });
    const deadline = new Deadline(20_000);
    expect(guard.check(readTarget("https://8.8.8.8/"), deadline)).toHaveProperty("verdict");
    deadline.clear();
  });
});

describe("mayPass", () => {
  const mayPass = async (judging: Promise<Verdict>) => {
    const verdict = await judging;
    if (verdict.verdict !== "blocked") throw new Error(`it is ${verdict.verdict}`);
    return verdict.mayPass;
  };
  const rows: [url: string, allowRanges: string[], passes: boolean, claim: string][] = [
    ["https://private.test/", [], true, "of a name's denied address may pass"],
    ["https://mixed.test/", [], true, "of one denied address among others may pass"],
    ["https://10.0.0.5/", [], false, "of a literal address stays"],
    ["https://localhost/", [], false, "of localhost stays: it has no other address"],
    ["https://public.test:22/", [], false, "of a port that is closed at every address stays"],
    ["http://private.test/", [], false, "of plain http that is closed at every address stays"],
    [
      "https://public.test:22/",
      ["10.0.0.0/8"],
      true,
      "of a port that an exempt address opens may pass",
    ],
    ["https://nowhere.test:22/", [], false, "of a name without addresses, for its port, stays"],
    ["ftp://public.test/", [], false, "of the scheme stays"],
    ["no url", [], false, "of what is no URL stays"],
    ["https://a..b/", [], false, "of what is no name stays"],
  ];
  test.each(rows)(
    "%s with EGRESS_ALLOW=%p, may pass: %p (%s)",
    async (url, allowRanges, passes) => {
      expect(await mayPass(setUp({ allowRanges }).check(url))).toBe(passes);
    },
  );

  test("a refusal of Fluxhook's own listener may pass for a name, not for a literal address", async () => {
    const ownListeners = createOwnListeners();
    ownListeners.add({ name: "Fluxhook's own API", host: "8.8.8.8", port: 443 });
    const { check } = setUp({ ownListeners });
    expect(await mayPass(check("https://public.test/"))).toBe(true);
    expect(await mayPass(check("https://8.8.8.8/"))).toBe(false);
  });
});
