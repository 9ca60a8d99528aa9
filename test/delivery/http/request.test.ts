import { describe, expect, test } from "bun:test";
import { mergeHeaders, requestHead } from "../../../src/delivery/http/request.ts";
import { readTarget } from "../../../src/delivery/guard/target.ts";

const target = readTarget("http://user:pw@receiver.test:8080/a%20b?q=%2F#part")!;
const FIRST =
  "POST /a%20b?q=%2F HTTP/1.1\r\nHost: receiver.test:8080\r\nConnection: keep-alive\r\n";
const LAST = "Content-Length: 8\r\n\r\n";

const written = (headers: Record<string, string>) => requestHead(target, headers, 8);
const expected = (fields: string) => FIRST + fields + LAST;

function thrownBy(headers: Record<string, string>): unknown {
  try {
    return written(headers);
  } catch (error) {
    return error;
  }
}

describe("requestHead", () => {
  test("writes exactly these characters", () => {
    const headers = { "User-Agent": "Fluxhook/1.0", "x-a": "1", "X-Empty": "" };
    expect(written(headers)).toBe(
      expected("User-Agent: Fluxhook/1.0\r\nx-a: 1\r\nX-Empty: \r\nAccept: */*\r\n"),
    );
  });

  test("writes the framing headers if there are no others", () => {
    expect(written({})).toBe(expected("Accept: */*\r\n"));
  });

  test("writes Content-Length 0 for an empty body", () => {
    expect(requestHead(target, {}, 0)).toBe(`${FIRST}Accept: */*\r\nContent-Length: 0\r\n\r\n`);
  });

  test("accepts all of Latin-1 and the tab in a value", () => {
    const value = `a\tb ~é\u0080ÿ`;
    expect(written({ "X-A": value })).toBe(expected(`X-A: ${value}\r\nAccept: */*\r\n`));
  });
});

describe("headers of the caller", () => {
  test.each(["Accept", "accept", "ACCEPT"])(
    "the caller's %s replaces the default Accept",
    (name) => {
      const headers = { [name]: "application/json", "X-A": "1" };
      expect(written(headers)).toBe(expected(`${name}: application/json\r\nX-A: 1\r\n`));
    },
  );

  const framing = [
    "Host",
    "host",
    "HOST",
    "Connection",
    "connection",
    "Content-Length",
    "content-length",
    "CONTENT-LENGTH",
    "Transfer-Encoding",
    "transfer-encoding",
    "tRANSFER-eNCODING",
  ];
  test.each(framing)("the caller's %s is not sent, so no framing header occurs twice", (name) => {
    const headers = { "X-A": "1", [name]: "chunked", "X-B": "2" };
    expect(written(headers)).toBe(expected("X-A: 1\r\nX-B: 2\r\nAccept: */*\r\n"));
  });

  test("works with more names than the cache holds", () => {
    for (let n = 0; n < 2_500; n++) {
      const name = `X-Number-${n}`;
      const headers = { [name]: "1", "content-length": "9" };
      expect(written(headers)).toBe(expected(`${name}: 1\r\nAccept: */*\r\n`));
    }
  });
});

describe("a value", () => {
  const SECRET = "s3cret";
  const values: [what: string, value: string][] = [
    ["a CR", `${SECRET}\r`],
    ["an LF", `${SECRET}\n`],
    ["an LF and a header", `${SECRET}\nX-Smuggled: 1`],
    ["a line end", `${SECRET}\r\n`],
    ["a line end and a header", `${SECRET}\r\nX-Smuggled: 1`],
    ["a line end and white space", `${SECRET}\r\n folded`],
    ["a line end before it", `\r\n${SECRET}`],
    ["the end of the head", `${SECRET}\r\n\r\nPOST /smuggled HTTP/1.1\r\n`],
    ["a NUL", `${SECRET}\0`],
    ["an escape", `${SECRET}\x1b[31m`],
    ["a DEL", `${SECRET}\x7f`],
    // Truncated to one byte, the next two would be LF and CR.
    ["U+010A", `${SECRET}\u010aX-Smuggled: 1`],
    ["U+010D", `${SECRET}\u010d\u010aX-Smuggled: 1`],
    ["U+0100", `${SECRET}\u0100`],
    ["U+2028", `${SECRET}\u2028`],
    ["an emoji", `${SECRET}😀`],
    ["half of an emoji", `${SECRET}\ud83d`],
  ];
  test.each(values)("refuses a value with %s and names only its header", (_, value) => {
    const error = thrownBy({ "X-Good": "fine", "X-Bad": value, "X-Other": "fine too" });
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({
      code: "ERR_INVALID_HEADER",
      message: `the header "X-Bad" cannot be sent`,
    });
    expect(Bun.inspect(error)).not.toContain(SECRET);
  });

  test("does not check a value whose header is not sent", () => {
    expect(written({ Host: "a\r\nX-Smuggled: 1" })).toBe(expected("Accept: */*\r\n"));
  });
});

describe("a name", () => {
  const names = [
    "",
    " ",
    "X A",
    "X-A ",
    " X-A",
    "X-A:",
    ":",
    "X\tA",
    "X\r\nSmuggled: 1",
    "X\n",
    "X\0",
    "X\x7f",
    "Ü",
    "X\u010a",
    "X(A)",
    "X/A",
    `X"A`,
    "X,A",
    "X;A",
    "X=A",
    "X@A",
    "X[A]",
    "{X}",
  ];
  test.each(names)("refuses the name %j each time", (name) => {
    for (const value of ["s3cret", "s3cret again"]) {
      const error = thrownBy({ "X-Good": "fine", [name]: value });
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({
        code: "ERR_INVALID_HEADER",
        message: `the header ${JSON.stringify(name)} cannot be sent`,
      });
    }
  });

  test("accepts every token character in a name", () => {
    const name = "!#$%&'*+-.^_`|~09azAZ";
    expect(written({ [name]: "1" })).toBe(expected(`${name}: 1\r\nAccept: */*\r\n`));
  });

  test("the error shows only the first 64 characters of a name", () => {
    const error = thrownBy({ [`${"x".repeat(100_000)} `]: "1" });
    expect(error).toHaveProperty("message", `the header "${"x".repeat(64)}" cannot be sent`);
  });
});

describe("mergeHeaders", () => {
  const OURS = { "Content-Type": "application/json", "X-Fluxdrop-Event": "file.created" };

  test("sends custom headers in addition to ours", () => {
    expect(mergeHeaders({ "X-Tenant": "7" }, null, OURS)).toEqual({ "X-Tenant": "7", ...OURS });
  });

  test("our headers win in any spelling, and no header is sent twice", () => {
    const custom = {
      "x-fluxdrop-event": "forged",
      "CONTENT-TYPE": "text/plain",
      HOST: "other.test",
    };
    expect(mergeHeaders(custom, null, OURS)).toEqual(OURS);
  });

  test("makes Authorization from the URL's credentials unless a custom header sets it", () => {
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
});
