import { expect, test } from "bun:test";

import { hang, startReceiver } from "./receiver.ts";

test("the receiver records requests, in order, and answers 204", async () => {
  const receiver = startReceiver();
  const first = await fetch(`${receiver.url}/a?b=c`, { method: "POST", body: "é\0" });
  await fetch(`${receiver.url}/second`, { headers: { "x-test": "1" } });

  expect(first.status).toBe(204);
  expect(receiver.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "POST /a?b=c",
    "GET /second",
  ]);
  expect(receiver.requests[0]?.text).toBe("é\0");
  expect(receiver.requests[0]?.body).toEqual(new Uint8Array([0xc3, 0xa9, 0]));
  expect(receiver.requests[1]?.headers.get("x-test")).toBe("1");
  await receiver.stop();
});

test("the receiver answers by request and index", async () => {
  const receiver = startReceiver(({ text }, index) => new Response(text, { status: 500 + index }));
  const send = async (body: string) => {
    const response = await fetch(receiver.url, { method: "POST", body });
    return [response.status, await response.text()];
  };
  expect(await send("x")).toEqual([500, "x"]);
  expect(await send("y")).toEqual([501, "y"]);
  await receiver.stop();
});

test("the receiver wakes a test that waits for a request that comes later", async () => {
  const receiver = startReceiver();
  const waiting = receiver.waitFor(2);
  await Promise.all([fetch(receiver.url), fetch(receiver.url)]);
  expect(await waiting).toHaveLength(2);
  await receiver.stop();
});

test("the receiver reports how many requests came when the time is over", async () => {
  const receiver = startReceiver();
  await fetch(receiver.url);
  expect(receiver.waitFor(2, { withinMs: 5 })).rejects.toThrow("1 of 2 requests within 5 ms");
  await receiver.stop();
});

test("a hanging receiver hangs until it is stopped", async () => {
  const receiver = startReceiver(hang);
  const pending = fetch(receiver.url).then(
    (response) => `answered ${response.status}`,
    () => "cut off",
  );
  await receiver.waitFor(1);
  await receiver.stop();
  expect(await pending).toBe("cut off");
});

test("the receiver throws an error of respond() to the test that waits", async () => {
  const receiver = startReceiver(() => {
    throw new Error("a typo");
  });
  await fetch(receiver.url);
  expect(receiver.waitFor(2)).rejects.toThrow("respond() threw");
  await receiver.stop();
});

test("a receiver comes back on the port it had", async () => {
  const before = startReceiver();
  await before.stop();
  const after = startReceiver(undefined, { port: before.port });
  expect(after.url).toBe(before.url);
  expect((await fetch(after.url)).status).toBe(204);
  await after.stop();
});
