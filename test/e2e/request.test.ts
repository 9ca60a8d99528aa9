// The request as it stands on the wire: which headers and no others, and `data` byte for byte.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { register, type Registered } from "../support/serve-scene.ts";
import { API_TOKEN } from "../support/service.ts";
import { startTcpReceiver, type TcpConnection, type TcpReceiver } from "../support/tcp-receiver.ts";
import { useService } from "../support/use-scene.ts";

const { scene, service } = useService();
let receiver: TcpReceiver;
let webhook: Registered;

beforeAll(async () => {
  receiver = await startTcpReceiver(answerAll);
  const url = `${receiver.url}/hook?token=1`;
  webhook = await register(service, { user_id: "u_1", url });
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  await receiver.stop();
});

async function answerAll(connection: TcpConnection): Promise<void> {
  const next = () => connection.request({ withinMs: 300_000 }).then(() => true);
  const gone = connection.closed.then(() => false);
  while (await Promise.race([next(), gone])) {
    await connection.write("HTTP/1.1 204 No Content\r\n\r\n");
  }
}

/** The lines of the head, and the body's bytes as latin1, so that every byte is one character. */
async function nextRequest(): Promise<{ head: string[]; body: string }> {
  const text = Buffer.from(await receiver.waitForRequest()).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  return { head: text.slice(0, end).split("\r\n"), body: text.slice(end + 4) };
}

const latin1 = (text: string) => Buffer.from(text, "utf8").toString("latin1");

/** What stands before `data` in a body with this id and timestamp. */
const BEFORE_DATA = `{"id":"evt_fixed","event":"file.created","timestamp":"2026-01-31T12:00:00+01:00","data":`;

function elementWith(data: string, id = "evt_fixed"): string {
  const fixed = `"id":"${id}","timestamp":"2026-01-31T12:00:00+01:00"`;
  return `{"user_id":"u_1","event":"file.created",${fixed},"data":${data}}`;
}

test("a request has exactly the documented headers, in their spelling", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await scene.push(elementWith("{}").replace("{", `{"traceparent":"${traceparent}",`));
  const { head, body } = await nextRequest();

  expect(body).toBe(`${BEFORE_DATA}{}}`);
  const [requestLine, ...headers] = head;
  expect(requestLine).toBe("POST /hook?token=1 HTTP/1.1");
  const value = (name: string) =>
    headers.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
  const deliveryId = value("X-Fluxdrop-Delivery");
  expect(deliveryId).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  const seconds = value("X-Fluxdrop-Timestamp");
  expect(seconds).toMatch(/^\d{10}$/);
  const own = createHmac("sha256", webhook.secret).update(body).digest("hex");
  const standard = createHmac("sha256", Buffer.from(webhook.secret.slice(6), "base64"))
    .update(`evt_fixed.${seconds}.${body}`)
    .digest("base64");
  expect(headers.toSorted()).toEqual(
    [
      "Accept: */*",
      "Connection: keep-alive",
      "Content-Length: 91",
      "Content-Type: application/json",
      `Host: 127.0.0.1:${receiver.port}`,
      "User-Agent: Fluxhook/1.0",
      `X-Fluxdrop-Delivery: ${deliveryId}`,
      "X-Fluxdrop-Event: file.created",
      `X-Fluxdrop-Signature: ${own}`,
      `X-Fluxdrop-Timestamp: ${seconds}`,
      `traceparent: ${traceparent}`,
      "webhook-id: evt_fixed",
      `webhook-signature: v1,${standard}`,
      `webhook-timestamp: ${seconds}`,
    ].toSorted(),
  );
});

// Each of these differs after JSON.parse and JSON.stringify, or in another reader's hands.
const DATA: [claim: string, data: string][] = [
  ["an integer beyond 2^53", `{"n":12345678901234567890}`],
  ["a fraction of zero", `{"n":1.0,"m":-0,"k":1e5}`],
  ["a number beyond every double", `{"n":1e400}`],
  ["keys that stand twice", `{"a":1,"a":2,"data":{"data":3}}`],
  ["keys that look like indices, in their order", `{"b":1,"2":1,"1":1,"__proto__":{}}`],
  ["raw line and paragraph separators", `{"s":"a\u2028b\u2029c"}`],
  ["escaped surrogates, paired and alone", String.raw`{"s":"\ud83d\ude00 \ud800"}`],
  ["escapes that nobody needs", `{"s":"\\u0041\\/\\u00e9","\\u006b":"é😀"}`],
  ["odd white space", `{ \t"a"\r\n:\n[ 1 ,\t2 ] , "b" : { } \n}`],
  ["braces, quotes and backslashes in strings", String.raw`{"s":"}{\"]\\\\\"","t":"\\"}`],
  ["control characters, escaped", String.raw`{"s":"\u0000\u001f\b\f\n"}`],
];

test.each(DATA)("data is delivered byte for byte from the list: %s", async (_claim, data) => {
  await scene.push(elementWith(data));
  const { body } = await nextRequest();
  expect(body).toBe(latin1(`${BEFORE_DATA}${data}}`));
});

test.each(DATA)(
  "data is delivered byte for byte from POST /v1/events: %s",
  async (_claim, data) => {
    const response = await fetch(`${service.url}/v1/events`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_TOKEN}`, "Content-Type": "application/json" },
      body: elementWith(data),
    });
    expect([response.status, await response.json()]).toEqual([202, { ids: ["evt_fixed"] }]);
    const { body } = await nextRequest();
    expect(body).toBe(latin1(`${BEFORE_DATA}${data}}`));
  },
);

test("an array through POST /v1/events keeps each event's text", async () => {
  const some = DATA.slice(0, 3).map(([, data]) => data);
  const response = await fetch(`${service.url}/v1/events`, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_TOKEN}`, "Content-Type": "application/json" },
    body: `[ ${some.map((data, n) => elementWith(data, `evt_${n}`)).join(" ,\n")} ]`,
  });
  expect(await response.json()).toEqual({ ids: ["evt_0", "evt_1", "evt_2"] });
  const bodies = [await nextRequest(), await nextRequest(), await nextRequest()];
  expect(bodies.map(({ body }) => body).toSorted()).toEqual(
    some.map((data, n) => `${BEFORE_DATA.replace("evt_fixed", `evt_${n}`)}${data}}`).toSorted(),
  );
});

test("an event without id and timestamp gets both, and the id in the body is the one in the header", async () => {
  await scene.push(`{"user_id":"u_1","event":"file.created","data":{}}`);
  const { head, body } = await nextRequest();
  const { id, timestamp, ...rest } = JSON.parse(body) as { id: string; timestamp: string };
  expect(rest).toEqual({ event: "file.created", data: {} } as object);
  expect(id).toMatch(/^evt_[A-Za-z0-9_-]+$/);
  expect(new Date(timestamp).toISOString()).toBe(timestamp);
  expect(head).toContain(`webhook-id: ${id}`);
});

test("a webhook's custom headers and credentials are sent, and cannot replace Fluxhook's", async () => {
  const url = `http://us%65r:p%40ss@127.0.0.1:${receiver.port}/private`;
  const headers = { "X-Tenant": "t 1", Accept: "text/plain" };
  await register(service, { user_id: "u_2", url, headers });
  await scene.push(`{"user_id":"u_2","event":"file.created","data":{}}`);
  const { head } = await nextRequest();
  expect(head[0]).toBe("POST /private HTTP/1.1");
  expect(head).toContain("X-Tenant: t 1");
  expect(head).toContain("Accept: text/plain");
  expect(head).toContain(`Authorization: Basic ${btoa("user:p@ss")}`);
  expect(head).toContain("User-Agent: Fluxhook/1.0");

  for (const name of ["User-Agent", "X-Fluxdrop-Signature", "webhook-id", "Host"]) {
    const { status } = await service.api("PATCH", `/v1/webhooks/${webhook.id}`, {
      headers: { [name]: "mine" },
    });
    expect(status, name).toBe(422);
  }
});
