import { expect, test } from "bun:test";
import { maskRequest, maskResponse, maskText } from "../../../src/worker/after/mask.ts";

const head = (...fields: string[]) => `POST /in?k=v HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`;
const URL_OF = "https://user:p%40ssword@h.example/in?token=query-secret&n=1";

const webhook = (headers: Record<string, string> = {}) => ({
  url: "https://h.example/in",
  headers,
});

test("a request without credentials stays as it is", () => {
  const fields = ["Host: h.example", "webhook-signature: v1,abc", "X-Fluxdrop-Delivery: d"];
  expect(maskRequest(head(...fields), webhook()).head).toBe(head(...fields));
});

test.each([
  "Authorization: Basic dXNlcjpw",
  "Cookie: a=b",
  "X-Api-Key: k",
  "x-auth: k",
  "X-My-Token: k",
  "Client-Secret: k",
  "X-Password: k",
])("the value of %s is masked", (field) => {
  const [name = "", value = ""] = field.split(": ");
  expect(maskRequest(head(field), webhook({ [name]: value })).head).toContain(
    `\r\n${name}: ***\r\n\r\n`,
  );
});

test("what a response repeats of the url's and the headers' credentials is masked", () => {
  const { secrets } = maskRequest(head("Authorization: Bearer header-secret"), {
    url: URL_OF,
    headers: {},
  });
  const repeated = "p%40ssword p@ssword query-secret header-secret Bearer header-secret n=1";
  expect(maskText(repeated, secrets, false)).toBe("*** *** *** *** *** n=1");
  expect(maskResponse(`HTTP/1.1 200 OK\r\nX-Seen: query-secret\r\n\r\n`, secrets)).toContain(
    "X-Seen: ***",
  );
});

test("a secret that begins with another one is masked whole", () => {
  const { secrets } = maskRequest(head(), {
    url: "https://h.example/in?user=acme-co&key=acme-co-9f3a71",
    headers: {},
  });
  expect(maskText("acme-co-9f3a71 of acme-co", secrets, false)).toBe("*** of ***");
});

test("a credential that is cut off at the end of an excerpt is masked, a short likeness is not", () => {
  expect(maskText("it says query-sec", ["query-secret"], true)).toBe("it says ***");
  expect(maskText("it says query-sec", ["query-secret"], false)).toBe("it says query-sec");
  expect(maskText("it says que", ["query-secret"], true)).toBe("it says que");
});

test("cookies and tokens of a response are masked, how to authenticate is not", () => {
  const text = [
    "HTTP/1.1 401 No",
    "Set-Cookie: s=1",
    "X-Csrf-Token: t",
    'WWW-Authenticate: Bearer realm="x"',
    "Date: now",
  ].join("\r\n");
  expect(maskResponse(text, [])).toBe(
    text.replace("s=1", "***").replace("X-Csrf-Token: t", "X-Csrf-Token: ***"),
  );
});

test("a webhook's secret is masked wherever a receiver writes it", () => {
  expect(maskText('{"secret":"whsec_AbC+/=09"}', [], false)).toBe('{"secret":"whsec_***"}');
});

test("a long line without a colon costs no more than its length", () => {
  const long = `HTTP/1.1 200 OK\r\n${"auth".repeat(200_000)}`;
  const beganMs = performance.now();
  maskResponse(long, []);
  expect(performance.now() - beganMs).toBeLessThan(2_000);
});

test("a cookie on a continued line is masked with its field", () => {
  expect(maskResponse("HTTP/1.1 200 OK\r\nSet-Cookie: a=1;\r\n b=secret\r\nX: y", [])).toBe(
    "HTTP/1.1 200 OK\r\nSet-Cookie: ***\r\nX: y",
  );
});
