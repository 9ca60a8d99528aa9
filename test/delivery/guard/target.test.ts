import { describe, expect, test } from "bun:test";
import { hostNameProblem, isLocalhost, readTarget } from "../../../src/delivery/guard/target.ts";

const literals: [url: string, address: string | null][] = [
  ["http://2130706433/", "127.0.0.1"],
  ["http://0177.0.0.1/", "127.0.0.1"],
  ["http://0x7f.1/", "127.0.0.1"],
  ["http://１２７.0.0.1/", "127.0.0.1"],
  ["http://127.1/", "127.0.0.1"],
  ["http://127.0.0.1./", "127.0.0.1"],
  ["http://[::ffff:127.0.0.1]/", "::ffff:7f00:1"],
  ["http://[0:0:0:0:0:0:0:1]/", "::1"],
  ["http://localhost/", null],
  ["http://localhost./", null],
];
test.each(literals)("%s is read as the address %p", (url, address) => {
  expect(readTarget(url)?.literal?.address ?? null).toBe(address);
});

test("the Host header has the port only if it is not the scheme's default", () => {
  const hosts = ["https://a.test:443/", "http://a.test:80/", "https://a.test:80/", "http://a.test"];
  expect(hosts.map((url) => readTarget(url)?.hostHeader)).toEqual([
    "a.test",
    "a.test",
    "a.test:80",
    "a.test",
  ]);
});

test("the requested path has the query, but no fragment and no credentials", () => {
  const target = readTarget("https://user:pw@Receiver.Test/a%20b/?q=1&r=%2F#part")!;
  expect(target.pathAndQuery).toBe("/a%20b/?q=1&r=%2F");
});

test("the endpoint has no query, fragment and credentials", () => {
  expect(readTarget("https://user:pw@a.test:8443/hooks/7?token=secret#part")?.endpoint).toBe(
    "https://a.test:8443/hooks/7",
  );
});

test("SNI is the name without its trailing dot, and nothing for an address", () => {
  expect(readTarget("https://a.test./")?.serverName).toBe("a.test");
  expect(readTarget("https://192.0.2.7/")?.serverName).toBeNull();
  expect(readTarget("https://[2001:db8::7]/")?.serverName).toBeNull();
});

const credentials: [url: string, plain: string | null][] = [
  ["https://a.test/", null],
  ["https://user:pw@a.test/", "user:pw"],
  ["https://user@a.test/", "user:"],
  ["https://:pw@a.test/", ":pw"],
  ["https://us%3Aer:p%40w@a.test/", "us:er:p@w"],
  ["https://ü:%zz@a.test/", "ü:%zz"],
];
test.each(credentials)("the credentials of %s are %p", (url, plain) => {
  const header = readTarget(url)?.authorization ?? null;
  expect(header && Buffer.from(header.replace("Basic ", ""), "base64").toString()).toBe(plain);
});

test("readTarget returns null for a text that is not a URL", () => {
  for (const text of ["", "a.test", "http://", "http://a b/", "http://[::1", "http://256.1.1.1/"]) {
    expect(readTarget(text)).toBeNull();
  }
});

test("the same URL is parsed once", () => {
  expect(readTarget("https://a.test/once")).toBe(readTarget("https://a.test/once"));
});

describe("hostNameProblem", () => {
  const long = (length: number) => "a".repeat(length);
  const EMPTY = "it has an empty label";
  const LONG_LABEL = "a label of it is over 63 characters long";
  const CHARACTERS = "it has characters other than letters, digits, - and _";

  const rows: [name: string, problem: string | null][] = [
    ["example.com", null],
    ["example.com.", null],
    ["intranet", null],
    ["xn--bcher-kva.example", null],
    ["r3---sn-4g5.example", null],
    ["my_service", null],
    [`${long(63)}.test`, null],
    [`${long(64)}.test`, LONG_LABEL],
    [`${`${long(49)}.`.repeat(5)}abc`, null],
    [`${`${long(49)}.`.repeat(5)}abc.`, null],
    [`${`${long(49)}.`.repeat(5)}abcd`, "it is over 253 characters long"],
    [".", EMPTY],
    ["..", EMPTY],
    ["a..b", EMPTY],
    [".a", EMPTY],
    ["a..", EMPTY],
    ["127.0.0.1..", EMPTY],
    ["*.test", CHARACTERS],
    ["ex!am$ple.test", CHARACTERS],
    ["a,b", CHARACTERS],
  ];
  test.each(rows)("the problem of the name %s is %p", (name, problem) => {
    expect(hostNameProblem(name)).toBe(problem);
  });
});

test("names below localhost are this machine, names with a similar end are not", () => {
  const names = ["localhost", "localhost.", "a.localhost", "a.b.localhost."];
  expect(names.every(isLocalhost)).toBe(true);
  expect(["notlocalhost", "localhost.test", "a.localhosts"].some(isLocalhost)).toBe(false);
});
