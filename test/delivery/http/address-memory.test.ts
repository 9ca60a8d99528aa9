import { expect, test } from "bun:test";
import { AddressMemory } from "../../../src/delivery/http/address-memory.ts";
import type { Address } from "../../../src/delivery/guard/address.ts";

const A: Address = { address: "10.0.0.1", family: 4 };
const B: Address = { address: "10.0.0.2", family: 4 };
const C: Address = { address: "10.0.0.3", family: 4 };
const HERE = { hostname: "receiver.test", port: 443 };

test("the address that worked last comes first", () => {
  const memory = new AddressMemory();
  memory.connected(HERE, B);
  expect(memory.order(HERE, [A, B, C])).toEqual([B, A, C]);
  memory.connected(HERE, C);
  expect(memory.order(HERE, [A, B, C])).toEqual([C, A, B]);
});

test("another port or another name is another destination", () => {
  const memory = new AddressMemory();
  memory.connected(HERE, B);
  expect(memory.order({ ...HERE, port: 8443 }, [A, B])).toEqual([A, B]);
  expect(memory.order({ ...HERE, hostname: "other.test" }, [A, B])).toEqual([A, B]);
});

test("an address that failed comes last until it answers; a connection is not an answer", () => {
  const memory = new AddressMemory();
  memory.connected(HERE, A);
  memory.failed(HERE, A);
  expect(memory.order(HERE, [A, B, C])).toEqual([B, C, A]);
  memory.connected(HERE, A);
  expect(memory.order(HERE, [A, B, C])).toEqual([B, C, A]);
  memory.answered(HERE, A);
  expect(memory.order(HERE, [A, B, C])).toEqual([A, B, C]);
  expect(memory.hasFailed(HERE, A)).toBe(false);
});

test("if all addresses failed, the one that failed first comes first", () => {
  const memory = new AddressMemory();
  for (const address of [B, C, A, B]) memory.failed(HERE, address);
  expect(memory.order(HERE, [A, B, C])).toEqual([C, A, B]);
});

test("an address that is no longer approved is not returned", () => {
  const memory = new AddressMemory();
  memory.answered(HERE, A);
  memory.failed(HERE, C);
  expect(memory.order(HERE, [B, C])).toEqual([B, C]);
});

test("at most 4,096 destinations are remembered, and the oldest are dropped first", () => {
  const memory = new AddressMemory();
  const destination = (n: number) => ({ hostname: `n${n}.test`, port: 443 });
  for (let n = 0; n < 5_000; n++) memory.answered(destination(n), B);
  const remembered = Array.from({ length: 5_000 }, (_, n) =>
    memory.order(destination(n), [A, B]),
  ).filter(([first]) => first === B).length;
  expect(remembered).toBeLessThanOrEqual(4_096);
  expect(remembered).toBeGreaterThan(3_000);
  expect(memory.order(destination(4_999), [A, B])).toEqual([B, A]);
  expect(memory.order(destination(0), [A, B])).toEqual([A, B]);
});
