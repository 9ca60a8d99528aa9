// What a request of a fuzzer is made of: values that break parsers, routers and validators elsewhere.

export const LONG = "x".repeat(3_000);
const DEEP = 2_000;

export const METHODS =
  "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE CONNECT PROPFIND QUERY get FOO".split(" ");

/** As JSON texts, since some of them no JSON.stringify writes. */
export const ODD_VALUES = [
  "null", "true", "false", "0", "-0", "-1", "1", "0.1", "1e400", "-1e400", "1e-400", "9007199254740993",
  "123456789012345678901234567890", "{}", "[]", "[[]]", "[null]", '""', '" "', '"\\u0000"',
  '"\\ud800"', '"\\udc00\\ud800"', '"\\u2028"', '"\\r\\nX-Injected: 1"', '"__proto__"', '"constructor"',
  '"toString"', '"../../etc/passwd"', '"%00"', '"{{7*7}}"', '"${7*7}"', '"💥"', `"${LONG}"`,
  '{"__proto__":{"admin":true}}', '{"constructor":{"prototype":{"x":1}}}', '{"toString":1,"valueOf":null}',
  '{"length":1e9}', '{"0":0,"length":1}', '{"then":1}', '{"toJSON":"x"}',
  `${"[".repeat(DEEP)}${"]".repeat(DEEP)}`, `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`,
  `[${"0,".repeat(3_000)}0]`,
]; // prettier-ignore

export const ODD_TEXTS = ODD_VALUES.filter((text) => text.startsWith('"'));

export const ODD_KEYS = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "", "\u0000", "a.b", "user_id", "org_id", "id", "secrets", "secret", "then", "length", LONG]; // prettier-ignore

/** By the name of the field, values that come further than random ones do. */
export const LIKELY: Record<string, readonly string[]> = {
  url: [
    "https://receiver.invalid/", "http://receiver.invalid:8080/a?b=c", "https://user:pw@receiver.invalid/",
    "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://0x7f.1/", "http://localhost.",
    "http://receiver.invalid:0/", "http://receiver.invalid:99999/", "file:///etc/passwd", "javascript:1",
    "http://", "//receiver.invalid", "http://[::z]/", "https://xn--/", "https://\u202e.invalid/", "http://a.invalid/#f",
  ],
  event: ["file.created", "a", "a..b", ".a", "webhook.test", "a".repeat(128), "a".repeat(129)],
  events: ["*", "file.*", "file.created", "**", "*.a", ""],
  timestamp: ["2026-01-02T03:04:05Z", "2026-13-45T99:99:99Z", "0000-01-01T00:00:00Z", "now"],
  traceparent: ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0-0-0"],
  secret: ["whsec_", "whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "sixteen-printable", "é".repeat(20)],
  retry_schedule: ["0s", "1m", "5m", "-1s", "1e3s", "999999999d", "s"],
  filter: ["event.data.a > 1", "event.data.a >", "event.id.matches('a')", "true", "{{", ""],
  failing_for: ["5d", "1m", "0s", "31d"],
  dialect: ["fluxdrop", "flux", "fluxdesk", "standard", "__proto__", "constructor"],
}; // prettier-ignore

export const QUERY_VALUES = ["", "0", "1", "-1", "1e3", "0x10", "NaN", "Infinity", "99999999999999999999", " 5", "null", "[]", "%00", "%ff", "%zz", "%", "%ed%a0%80", "+", "__proto__", "MA", "MSAw", "MjAyNi0wMS0wMVQwMDowMDowMC4wMDBaIHdoX2E", "a".repeat(2_000), "%e2%80%a8"]; // prettier-ignore

export const PATH_PIECES = ["%00", "%2e%2e", "%2E%2E%2f", "..", ".", "%2f", "%5c", "%", "%zz", "%c0%af", "%ff%fe", "%ed%a0%80", "%25", "%2500", "\xff\xfe", ";a=b", "//", "/", "__proto__", "constructor", "toString", "*", ":id", "{id}", "a".repeat(4_000), "%0d%0aX:%20y", "%e2%80%a8", "%1b%5b31m", "~", "@", "\\", "wh_", "wh_a", "0", "-1", "null"]; // prettier-ignore

export const CONTENT_TYPES = ["application/json", "application/json", "application/json", "application/json; charset=utf-8", "application/json; charset=utf-16", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data", "application/problem+json", "", "*/*", "application/json;".repeat(50)]; // prettier-ignore

export const ODD_HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ["Host", ["a", "a:99999", "[::z]", "a/b", "", "a b", "%00", "u:p@a", "\xff"]],
  ["Content-Encoding", ["gzip", "identity", "br", "x"]],
  ["Idempotency-Key", ["k-1", "k-2", "\xff", "a b", "x".repeat(256), ""]],
  ["If-Match", ["*", '"a"', "W/", '"'.repeat(99)]],
  ["Range", ["bytes=0-1", "bytes=-", "x"]],
  ["Accept", ["text/html", "*/*;q=2", ",,,"]],
  ["Accept-Encoding", ["gzip", "x;q=0"]],
  ["Origin", ["null", "https://evil.example"]],
  ["Access-Control-Request-Method", ["POST", ""]],
  ["Cookie", ["a=b", "=;;=", "__proto__=1"]],
  ["X-Forwarded-For", ["127.0.0.1", "\x80"]],
  ["X-HTTP-Method-Override", ["DELETE"]],
  ["Upgrade", ["websocket", "h2c"]],
  ["Connection", ["keep-alive", "Upgrade", "close"]],
  ["Expect", ["100-continue", "200-ok"]],
  ["traceparent", ["00-x"]],
  ["Transfer-Encoding", ["chunked", "gzip"]],
  ["Content-Length", ["0", "1", "-1", "1e3", "99999999999999999999"]],
  ["X-Odd", ["\x00", "\x1b[31m", "\x7f", "a".repeat(9_000)]],
  ["__proto__", ["1"]],
  ["constructor", ["1"]],
];
