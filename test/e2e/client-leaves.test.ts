// A client that leaves while it sends its body is its own affair: no error of this process, on any
// route.
import { connect } from "node:net";
import { expect, test } from "bun:test";
import { describeApi } from "../support/api-operations.ts";
import { openScene } from "../support/serve-scene.ts";
import { API_TOKEN } from "../support/service.ts";

/** Sends the head and the beginning of a body, and leaves. */
async function leave(url: string, head: string, begun: string, how: "reset" | "end") {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const closed = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  // A reset by the other side, which answers before it has read all.
  socket.on("error", () => {});
  socket.resume();
  await new Promise<void>((resolve) => socket.on("connect", () => resolve()));
  // Its answer to Expect shows that the handler is there and reads the body.
  const asked = new Promise<void>((resolve) => socket.once("data", () => resolve()));
  socket.write(`${head}Expect: 100-continue\r\n\r\n`);
  await Promise.race([asked, closed]);
  await new Promise<void>((resolve) => socket.write(begun, () => resolve()));
  if (how === "reset") socket.resetAndDestroy();
  else socket.destroy();
  await closed;
}

test("a client that disconnects in the middle of its body causes no error in the log", async () => {
  await using scene = await openScene();
  const service = await scene.serve();
  const { body: session } = await service.api("POST", "/v1/listen", {});
  const { operations } = await describeApi(service.url);
  const routes = [
    ...operations.filter(({ body }) => body !== null),
    { method: "POST", path: new URL(String(session["url"])).pathname },
  ];
  expect(routes.length).toBeGreaterThan(8);
  for (const { method, path } of routes) {
    const target = path.replaceAll(/\{\w+\}/g, "x");
    const head =
      `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${API_TOKEN}\r\n` +
      "Content-Type: application/json\r\n";
    for (const how of ["reset", "end"] as const) {
      await leave(service.url, `${head}Content-Length: 1000\r\n`, '{"user_id":', how);
      await leave(service.url, `${head}Transfer-Encoding: chunked\r\n`, '9\r\n{"user_id', how);
    }
  }
  // It goes on, and what the handlers have said by its end is all that they say.
  expect((await service.api("POST", "/v1/tokens", { user_id: "u_1" })).status).toBe(201);
  await service.stop();
  expect(service.lines.filter(({ level }) => level === "error" || level === "warn")).toEqual(
    service.lines.filter(({ event }) => event === "secrets.in_plain"),
  );
  expect(service.lines.some(({ event }) => event === "request.failed")).toBe(false);
}, 60_000);
