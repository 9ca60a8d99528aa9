import { describe, expect, test } from "bun:test";
import {
  dialledAddress,
  isWithin,
  checkAddress,
  parseAddress,
  parseRange,
} from "../../../src/delivery/guard/address.ts";

// Addresses just inside and just outside each range. If two ranges touch, the neighbour is denied too.
const rows: [address: string, denied: string | null][] = [
  ["0.0.0.0", "this network 0.0.0.0/8"],
  ["0.255.255.255", "this network 0.0.0.0/8"],
  ["1.0.0.0", null],
  ["9.255.255.255", null],
  ["10.0.0.0", "private 10.0.0.0/8"],
  ["10.255.255.255", "private 10.0.0.0/8"],
  ["11.0.0.0", null],
  ["100.63.255.255", null],
  ["100.64.0.0", "shared address space 100.64.0.0/10"],
  ["100.127.255.255", "shared address space 100.64.0.0/10"],
  ["100.128.0.0", null],
  ["126.255.255.255", null],
  ["127.0.0.0", "loopback 127.0.0.0/8"],
  ["127.0.0.1", "loopback 127.0.0.0/8"],
  ["127.255.255.255", "loopback 127.0.0.0/8"],
  ["128.0.0.0", null],
  ["168.63.129.15", null],
  ["168.63.129.16", "Azure platform 168.63.129.16/32"],
  ["168.63.129.17", null],
  ["169.253.255.255", null],
  ["169.254.0.0", "link-local 169.254.0.0/16"],
  ["169.254.169.254", "link-local 169.254.0.0/16"],
  ["169.254.255.255", "link-local 169.254.0.0/16"],
  ["169.255.0.0", null],
  ["172.15.255.255", null],
  ["172.16.0.0", "private 172.16.0.0/12"],
  ["172.31.255.255", "private 172.16.0.0/12"],
  ["172.32.0.0", null],
  ["191.255.255.255", null],
  ["192.0.0.0", "protocol assignments 192.0.0.0/24"],
  ["192.0.0.255", "protocol assignments 192.0.0.0/24"],
  ["192.0.1.0", null],
  ["192.0.1.255", null],
  ["192.0.2.0", "documentation 192.0.2.0/24"],
  ["192.0.2.255", "documentation 192.0.2.0/24"],
  ["192.0.3.0", null],
  ["192.88.98.255", null],
  ["192.88.99.0", "6to4 relay 192.88.99.0/24"],
  ["192.88.99.255", "6to4 relay 192.88.99.0/24"],
  ["192.88.100.0", null],
  ["192.167.255.255", null],
  ["192.168.0.0", "private 192.168.0.0/16"],
  ["192.168.255.255", "private 192.168.0.0/16"],
  ["192.169.0.0", null],
  ["198.17.255.255", null],
  ["198.18.0.0", "benchmarking 198.18.0.0/15"],
  ["198.19.255.255", "benchmarking 198.18.0.0/15"],
  ["198.20.0.0", null],
  ["198.51.99.255", null],
  ["198.51.100.0", "documentation 198.51.100.0/24"],
  ["198.51.100.255", "documentation 198.51.100.0/24"],
  ["198.51.101.0", null],
  ["203.0.112.255", null],
  ["203.0.113.0", "documentation 203.0.113.0/24"],
  ["203.0.113.255", "documentation 203.0.113.0/24"],
  ["203.0.114.0", null],
  ["223.255.255.255", null],
  ["224.0.0.0", "multicast 224.0.0.0/4"],
  ["239.255.255.255", "multicast 224.0.0.0/4"],
  ["240.0.0.0", "reserved 240.0.0.0/4"],
  ["255.255.255.255", "reserved 240.0.0.0/4"],

  ["::", "unspecified ::/128"],
  ["::1", "loopback ::1/128"],
  ["::2", "outside global unicast 2000::/3"],
  ["::127.0.0.1", "outside global unicast 2000::/3"],
  ["::8.8.8.8", "outside global unicast 2000::/3"],
  ["ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "outside global unicast 2000::/3"],
  ["100::", "discard-only 100::/64"],
  ["100::ffff:ffff:ffff:ffff", "discard-only 100::/64"],
  ["100:0:0:1::", "outside global unicast 2000::/3"],
  ["1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "outside global unicast 2000::/3"],
  ["2000::", null],
  ["2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", null],
  ["2001::", "protocol assignments 2001::/23"],
  // Teredo (RFC 4380): contains the IPv4 addresses of its server and its client.
  ["2001:0:808:808::7f00:1", "protocol assignments 2001::/23"],
  ["2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "protocol assignments 2001::/23"],
  ["2001:200::", null],
  ["2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", null],
  ["2001:db8::", "documentation 2001:db8::/32"],
  ["2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation 2001:db8::/32"],
  ["2001:db9::", null],
  ["2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", null],
  ["2002::", "6to4 2002::/16"],
  ["2002:808:808::", "6to4 2002::/16"],
  ["2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4 2002::/16"],
  ["2003::", null],
  ["2606:4700:4700::1111", null],
  ["3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", null],
  ["3fff::", "documentation 3fff::/20"],
  ["3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation 3fff::/20"],
  ["3fff:1000::", null],
  ["3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", null],
  ["4000::", "outside global unicast 2000::/3"],
  ["fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "outside global unicast 2000::/3"],
  ["fc00::", "unique local fc00::/7"],
  ["fd00:ec2::254", "unique local fc00::/7"],
  ["fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "unique local fc00::/7"],
  ["fe00::", "outside global unicast 2000::/3"],
  ["fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "outside global unicast 2000::/3"],
  ["fe80::", "link-local fe80::/10"],
  ["febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local fe80::/10"],
  ["fec0::", "outside global unicast 2000::/3"],
  ["feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "outside global unicast 2000::/3"],
  ["ff00::", "multicast ff00::/8"],
  ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast ff00::/8"],

  ["::fffe:ffff:ffff", "outside global unicast 2000::/3"],
  ["::fffe:8.8.8.8", "outside global unicast 2000::/3"],
  ["::ffff:8.8.8.8", null],
  ["::ffff:7f00:1", "IPv4-mapped around loopback 127.0.0.0/8"],
  ["::ffff:126.255.255.255", null],
  ["::ffff:169.254.169.254", "IPv4-mapped around link-local 169.254.0.0/16"],
  ["::1:0:808:808", "outside global unicast 2000::/3"],
  ["64:ff9a:ffff:ffff:ffff:ffff:808:808", "outside global unicast 2000::/3"],
  ["64:ff9b::8.8.8.8", null],
  ["64:ff9b::10.0.0.1", "NAT64 around private 10.0.0.0/8"],
  ["64:ff9b::a9fe:a9fe", "NAT64 around link-local 169.254.0.0/16"],
  ["64:ff9b::9.255.255.255", null],
  ["64:ff9b::11.0.0.0", null],
  ["64:ff9b::1:808:808", "outside global unicast 2000::/3"],
  ["64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "outside global unicast 2000::/3"],
  ["64:ff9b:1::8.8.8.8", "local NAT64 64:ff9b:1::/48"],
  ["64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64 64:ff9b:1::/48"],
  ["64:ff9b:2::", "outside global unicast 2000::/3"],

  // IPv4-translated (RFC 2765), 6to4 (RFC 3056) and IPv4-compatible around loopback.
  ["::ffff:0:7f00:1", "outside global unicast 2000::/3"],
  ["2002:7f00:1::", "6to4 2002::/16"],
  ["::7f00:1", "outside global unicast 2000::/3"],
  ["2606:4700::5efe:10.0.0.1", "ISATAP around private 10.0.0.0/8"],
  ["2606:4700::200:5efe:169.254.169.254", "ISATAP around link-local 169.254.0.0/16"],
  ["2606:4700::5efe:8.8.8.8", null],
  ["2606:4700::5eff:10.0.0.1", null],
  ["2606:4700::100:5efe:10.0.0.1", null],
  ["fe80::5efe:8.8.8.8", "link-local fe80::/10"],

  ["", "not an IP address"],
  ["localhost", "not an IP address"],
  ["8.8.8", "not an IP address"],
  ["0x8.8.8.8", "not an IP address"],
  ["010.8.8.8", "not an IP address"],
  ["134744072", "not an IP address"],
  ["::ffff:010.8.8.8", "not an IP address"],
  ["8.8.8.8/32", "not an IP address"],
  ["2606:4700:4700::1111%eth0", "not an IP address"],
];

describe("checkAddress", () => {
  for (const [address, denied] of rows) {
    const claim = denied === null ? "allows" : "denies";
    test(`${claim} ${address || "an empty text"}${denied ? ` as ${denied}` : ""}`, () => {
      expect(checkAddress(address)).toEqual(
        denied === null ? { verdict: "allowed" } : { verdict: "denied", range: denied },
      );
    });
  }

  test("checkAddress decides the same for bytes and text", () => {
    for (const [address] of rows) {
      const parsed = parseAddress(address);
      if (parsed === null) continue;
      expect(checkAddress(new Uint8Array(parsed.toByteArray()))).toEqual(checkAddress(address));
    }
  });

  test("checkAddress denies bytes that do not have the length of an address", () => {
    for (const length of [0, 3, 5, 15, 17]) {
      expect(checkAddress(new Uint8Array(length)).verdict).toBe("denied");
    }
  });
});

// Different texts that reach the same machine.
const dialled: [address: string, same: string][] = [
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:127.0.0.1", "127.0.0.1"],
  ["64:ff9b::127.0.0.1", "127.0.0.1"],
  ["::127.0.0.1", "127.0.0.1"],
  ["::1", "::1"],
  ["::", "::"],
  ["2606:4700::1", "2606:4700::1"],
];
test.each(dialled)("%s reaches the same machine as %s", (address, same) => {
  expect(dialledAddress(parseAddress(address)!).toString()).toBe(same);
});

describe("isWithin", () => {
  const cases: [address: string, range: string, within: boolean][] = [
    ["127.0.0.1", "127.0.0.0/8", true],
    ["128.0.0.0", "127.0.0.0/8", false],
    ["::ffff:7f00:1", "127.0.0.0/8", true],
    ["64:ff9b::10.1.2.3", "10.0.0.0/8", true],
    ["::ffff:7f00:1", "::ffff:0:0/96", true],
    ["10.0.0.7", "10.0.0.7", true],
    ["10.0.0.8", "10.0.0.7", false],
    ["fd00::7", "fd00::7", true],
    ["fd00::8", "fd00::7", false],
    ["10.0.0.1", "::/0", false],
    ["fd00::1", "0.0.0.0/0", false],
  ];
  test.each(cases)("isWithin of %s in %s is %p", (address, range, within) => {
    expect(isWithin(parseAddress(address)!, [parseRange(range)])).toBe(within);
  });

  test("parseRange throws for a text that is not a range", () => {
    expect(() => parseRange("intranet")).toThrow();
  });
});
