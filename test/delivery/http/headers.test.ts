import { expect, test } from "bun:test";
import { mergeHeaders } from "../../../src/delivery/http/headers.ts";

const OURS = { "Content-Type": "application/json", "X-Fluxdrop-Event": "file.created" };

test("custom headers are sent beside ours", () => {
  expect(mergeHeaders({ "X-Tenant": "7" }, null, OURS)).toEqual({ "X-Tenant": "7", ...OURS });
});

test("ours win in any spelling, and no header is sent twice", () => {
  const custom = { "x-fluxdrop-event": "forged", "CONTENT-TYPE": "text/plain", HOST: "other.test" };
  expect(mergeHeaders(custom, null, OURS)).toEqual(OURS);
});

test("the URL's credentials become Authorization unless a custom header is one", () => {
  expect(mergeHeaders({}, "Basic url", OURS)).toEqual({ Authorization: "Basic url", ...OURS });
  expect(mergeHeaders({ "X-A": "1" }, "Basic url", OURS)).toHaveProperty(
    "Authorization",
    "Basic url",
  );
  expect(mergeHeaders({ authorization: "Bearer own" }, "Basic url", OURS)).toEqual({
    authorization: "Bearer own",
    ...OURS,
  });
});
