// The host of a redirect in the public log: never one that may be internal.
import { describe, expect, test } from "bun:test";
import { redirectHost } from "../../../src/delivery/guard/redirect-host.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";

const target = readTarget("https://hooks.example.com:8443/in?key=secret")!;
const hostOf = (location: string) => redirectHost(location, target);

describe("redirectHost of a public host", () => {
  const shown: [claim: string, location: string, host: string][] = [
    ["without path, query and fragment", "https://other.example/a?token=1#b", "other.example"],
    ["without credentials", "https://user:password@other.example/", "other.example"],
    ["without its port", "https://other.example:9443/", "other.example"],
    ["without the dot at its end", "https://other.example./", "other.example"],
    ["of a reference without a scheme", "//other.example/a", "other.example"],
    ["of a path, which is the webhook's own", "/elsewhere", "hooks.example.com"],
    ["of an empty reference, too", "", "hooks.example.com"],
    ["of plain http", "http://hooks.example.com/", "hooks.example.com"],
    [
      "in ASCII",
      Buffer.from("https://münchen.example/").toString("latin1"),
      "xn--mnchen-3ya.example",
    ],
    ["of a public address", "https://8.8.8.8/", "8.8.8.8"],
    ["of a public IPv6 address", "https://[2606:4700::1111]:8443/a", "[2606:4700::1111]"],
    ["of 253 characters", `https://${"a.".repeat(123)}example/`, `${"a.".repeat(123)}example`],
  ];
  test.each(shown)("redirectHost returns the host: %s", (_, location, host) =>
    expect(hostOf(location)).toBe(host),
  );
});

describe("redirectHost of a host that may be internal", () => {
  const hidden: [claim: string, location: string][] = [
    ["a private address", "http://10.0.0.7/"],
    ["a private address in another form", "http://0x0a000007/"],
    ["a private IPv4 inside IPv6", "http://[::ffff:10.0.0.7]/"],
    ["this machine", "http://127.0.0.1:8585/"],
    ["this machine by name", "http://localhost/"],
    ["a cloud's metadata", "http://169.254.169.254/latest"],
    ["a name of one label", "http://vault/"],
    ["a name of one label with a dot", "http://vault./"],
    ["a name below .internal", "https://db.prod.internal/"],
    ["a name of a cluster", "http://api.default.svc.cluster.local/"],
    ["another scheme", "file:///etc/passwd"],
    ["a scheme without a host", "mailto:someone@other.example"],
    ["what is no URL", "http://[/"],
    ["a host of more than 253 characters", `https://${"a.".repeat(200)}example/`],
  ];
  test.each(hidden)("redirectHost returns null for a redirect to %s", (_, location) =>
    expect(hostOf(location)).toBeNull(),
  );
});

test("redirectHost returns the webhook's own host even if it is internal", () => {
  for (const own of ["10.0.0.7", "localhost", "[fd00::7]"]) {
    const webhook = readTarget(`http://${own}:3000/in`)!;
    expect(redirectHost(`https://${own}/login`, webhook)).toBe(own);
  }
});
