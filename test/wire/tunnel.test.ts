import { describe, expect, test } from "bun:test";
import { endToEnd, listenAnswerSchema, MAX_BODY_BYTES } from "../../src/wire/tunnel.ts";
import { webhookCreateSchema } from "../../src/wire/webhook.ts";

describe("endToEnd", () => {
  test("drops the headers of the connection in any case and keeps the others", () => {
    const passed = endToEnd([
      ["Host", "a"],
      ["Connection", "close, X-Hop"],
      ["x-hop", "1"],
      ["Keep-Alive", "1"],
      ["Transfer-Encoding", "chunked"],
      ["Content-Length", "1"],
      ["Upgrade", "h2c"],
      ["TE", "trailers"],
      ["Proxy-Authorization", "Basic x"],
      ["Authorization", "Bearer y"],
      ["X-A", "1"],
      ["x-a", "2"],
      ["Content-Encoding", "gzip"],
    ]);
    expect(passed.map(({ name, value }) => `${name}: ${value}`)).toEqual([
      "Authorization: Bearer y",
      "X-A: 1",
      "x-a: 2",
      "Content-Encoding: gzip",
    ]);
  });
});

describe("a tunnel response", () => {
  const answer = { id: "1-0", status: 200, headers: [], body: "" };
  const header = (name: string, value: string) => ({ ...answer, headers: [{ name, value }] });

  test.each<[string, object]>([
    ["no content", answer],
    ["5 MiB", { ...answer, body: Buffer.alloc(MAX_BODY_BYTES).toString("base64") }],
    ["a value in Latin-1", header("x", "é")],
  ])("may have %s", (_, input) => {
    expect(listenAnswerSchema.safeParse(input).success).toBe(true);
  });

  // Each of these would make no response, which then were the service's fault.
  test.each<[string, object]>([
    [
      "three bytes more than 5 MiB",
      { ...answer, body: Buffer.alloc(MAX_BODY_BYTES + 3).toString("base64") },
    ],
    ["no base64", { ...answer, body: "%" }],
    ["an informational status", { ...answer, status: 101 }],
    ["a status of four digits", { ...answer, status: 1000 }],
    ["a line feed in a header", header("x", "a\nSet-Cookie: b")],
    ["a space in a header's name", header("x y", "a")],
    ["a value beyond Latin-1", header("x", "→")],
    ["another id", { ...answer, id: "1-0 2" }],
  ])("may not have %s", (_, input) => {
    expect(listenAnswerSchema.safeParse(input).success).toBe(false);
  });
});

test("no user can save a url with the tunnel scheme", () => {
  const saved = webhookCreateSchema.safeParse({ user_id: "u", url: "fluxhook-listen://abc" });
  expect(saved.success).toBe(false);
});
