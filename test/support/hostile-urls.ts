// Hosts of URLs that must not be dialled: addresses of every denied range in every notation that
// `new URL` takes, and every way to hide an IPv4 address in an IPv6 one.
import ipaddr from "ipaddr.js";

export interface HostileHost {
  host: string;
  /** What a refusal has to name. */
  range: string;
}

const IPV4: readonly [range: string, ...addresses: string[]][] = [
  ["this network 0.0.0.0/8", "0.0.0.0", "0.255.255.255"],
  ["private 10.0.0.0/8", "10.0.0.1", "10.255.255.255"],
  ["shared address space 100.64.0.0/10", "100.64.0.1", "100.127.255.255"],
  ["loopback 127.0.0.0/8", "127.0.0.1", "127.255.255.254"],
  ["Azure platform 168.63.129.16/32", "168.63.129.16"],
  ["link-local 169.254.0.0/16", "169.254.169.254"],
  ["private 172.16.0.0/12", "172.16.0.1", "172.31.255.255"],
  ["protocol assignments 192.0.0.0/24", "192.0.0.192"],
  ["documentation 192.0.2.0/24", "192.0.2.1"],
  ["6to4 relay 192.88.99.0/24", "192.88.99.1"],
  ["private 192.168.0.0/16", "192.168.0.1", "192.168.255.255"],
  ["benchmarking 198.18.0.0/15", "198.18.0.1", "198.19.255.255"],
  ["documentation 198.51.100.0/24", "198.51.100.1"],
  ["documentation 203.0.113.0/24", "203.0.113.1"],
  ["multicast 224.0.0.0/4", "224.0.0.1"],
  ["reserved 240.0.0.0/4", "240.0.0.1", "255.255.255.255"],
];

const GLOBAL = "outside global unicast 2000::/3";
const IPV6: readonly [range: string, ...addresses: string[]][] = [
  ["unspecified ::/128", "::"],
  ["loopback ::1/128", "::1"],
  ["local NAT64 64:ff9b:1::/48", "64:ff9b:1::7f00:1"],
  ["discard-only 100::/64", "100::1"],
  ["protocol assignments 2001::/23", "2001::1", "2001:0:7f00:1::80ff:fffe"],
  ["documentation 2001:db8::/32", "2001:db8::1"],
  ["6to4 2002::/16", "2002:7f00:1::1", "2002:a9fe:a9fe::1"],
  ["documentation 3fff::/20", "3fff::1"],
  ["unique local fc00::/7", "fc00::1", "fd00:ec2::254"],
  ["link-local fe80::/10", "fe80::1"],
  ["multicast ff00::/8", "ff02::1"],
  [GLOBAL, "::7f00:1", "::ffff:0:7f00:1", "1::1", "4000::1", "5f00::1", "fec0::1"],
  ["ISATAP around loopback 127.0.0.0/8", "2606:4700::5efe:7f00:1"],
  ["ISATAP around private 10.0.0.0/8", "2606:4700::200:5efe:a00:1"],
];

/** Each reads one address; what URL makes of them is the address again. */
const IPV4_NOTATIONS: readonly ((bytes: readonly number[]) => string)[] = [
  (bytes) => bytes.join("."),
  (bytes) => `${bytes.join(".")}.`,
  (bytes) => String(numberOf(bytes)),
  (bytes) => `0x${numberOf(bytes).toString(16)}`,
  (bytes) => `0${numberOf(bytes).toString(8)}`,
  (bytes) => bytes.map((byte) => `0x${byte.toString(16)}`).join("."),
  (bytes) => bytes.map((byte) => `0${byte.toString(8)}`).join("."),
  (bytes) => bytes.map((byte) => `0X000${byte.toString(16)}`).join("."),
  ([a = 0, ...rest]) => `${a}.${numberOf([0, ...rest])}`,
  ([a = 0, b = 0, ...rest]) => `${a}.0x${b.toString(16)}.${numberOf([0, 0, ...rest])}`,
  (bytes) => inDigits(bytes.join("."), 0xff10),
  (bytes) => bytes.join("。"),
  (bytes) => bytes.join(".").replace(/\d/g, (digit) => `%3${digit}`),
  (bytes) => `hook.example:pw@${bytes.join(".")}`,
  (bytes) => `8.8.8.8%2f@${bytes.join(".")}`,
];

const IPV4_INSIDE: readonly [name: string, wrap: (dotted: string, hex: string) => string][] = [
  ["IPv4-mapped", (dotted) => `[::ffff:${dotted}]`],
  ["IPv4-mapped", (_, hex) => `[0:0:0:0:0:FFFF:${hex}]`],
  ["NAT64", (dotted) => `[64:ff9b::${dotted}]`],
];

const IPV6_NOTATIONS: readonly ((address: ipaddr.IPv6) => string)[] = [
  (address) => address.toString(),
  (address) => address.toNormalizedString(),
  ({ parts }) => parts.map((part) => part.toString(16).toUpperCase().padStart(4, "0")).join(":"),
];

/** Names that lead to this machine without any name server. */
const NAMES = ["localhost", "LOCALHOST", "localhost.", "a.localhost", "ｌｏｃａｌｈｏｓｔ"];

export function hostileHosts(): HostileHost[] {
  return [...ipv4Hosts(), ...ipv6Hosts(), ...NAMES.map((host) => ({ host, range: "loopback" }))];
}

function ipv4Hosts(): HostileHost[] {
  return IPV4.flatMap(([range, ...addresses]) =>
    addresses.flatMap((address) => {
      const bytes = ipaddr.IPv4.parse(address).toByteArray();
      const hex = [0, 2].map((at) => numberOf(bytes.slice(at, at + 2)).toString(16)).join(":");
      return [
        ...IPV4_NOTATIONS.map((write) => ({ host: write(bytes), range })),
        ...IPV4_INSIDE.map(([name, wrap]) => ({
          host: wrap(address, hex),
          range: `${name} around ${range}`,
        })),
      ];
    }),
  );
}

function ipv6Hosts(): HostileHost[] {
  return IPV6.flatMap(([range, ...addresses]) =>
    addresses.flatMap((address) =>
      IPV6_NOTATIONS.map((write) => ({ host: `[${write(ipaddr.IPv6.parse(address))}]`, range })),
    ),
  );
}

function numberOf(bytes: readonly number[]): number {
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}

/** Digits of another script, which IDNA maps to ASCII (UTS 46). */
function inDigits(text: string, zero: number): string {
  return text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
}
