import { expect, test } from "bun:test";
import { hostNameProblem, isLocalhost } from "../../../src/delivery/guard/host-name.ts";

const long = (length: number) => "a".repeat(length);
const EMPTY = "it has an empty label";
const LONG_LABEL = "a label of it is over 63 characters long";
const CHARACTERS = "it holds other characters than letters, digits, - and _";

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
test.each(rows)("%s: %p", (name, problem) => {
  expect(hostNameProblem(name)).toBe(problem);
});

test("what stands below localhost is this machine, what ends alike is not", () => {
  const names = ["localhost", "localhost.", "a.localhost", "a.b.localhost."];
  expect(names.every(isLocalhost)).toBe(true);
  expect(["notlocalhost", "localhost.test", "a.localhosts"].some(isLocalhost)).toBe(false);
});
