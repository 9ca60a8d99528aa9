import { expect, test } from "bun:test";
import { orderAddresses } from "../../../src/delivery/guard/address-order.ts";
import type { Address } from "../../../src/delivery/guard/address.ts";

const address = (text: string): Address => ({ address: text, family: text.includes(":") ? 6 : 4 });
const ordered = (...texts: string[]) =>
  orderAddresses(texts.map(address)).map(({ address: text }) => text);

test("the order of addresses is the same however the name server rotates them", () => {
  const answer = ["198.51.100.9", "198.51.100.10", "2001:db8::2", "2001:db8::10", "9.0.0.1"];
  const orders = answer.map((_, n) => ordered(...answer.slice(n), ...answer.slice(0, n)));
  for (const order of orders) expect(order).toEqual(orders[0]!);
});

test("addresses are sorted by number, not by text", () => {
  expect(ordered("198.51.100.10", "198.51.100.9", "9.0.0.1")).toEqual([
    "9.0.0.1",
    "198.51.100.9",
    "198.51.100.10",
  ]);
});

test("families alternate, IPv4 first, and the rest of the longer one follows", () => {
  expect(ordered("fd00::2", "fd00::1", "fd00::3", "10.0.0.2", "10.0.0.1")).toEqual([
    "10.0.0.1",
    "fd00::1",
    "10.0.0.2",
    "fd00::2",
    "fd00::3",
  ]);
});

test("an address that is answered twice is dialled once", () => {
  expect(ordered("10.0.0.1", "fd00::1", "10.0.0.1")).toEqual(["10.0.0.1", "fd00::1"]);
});

test("what is no address keeps a place, for the guard to deny it", () => {
  expect(ordered("nonsense", "10.0.0.1").toSorted()).toEqual(["10.0.0.1", "nonsense"]);
});
