import { describe, expect, test } from "bun:test";
import { MAX_SOURCE_CHARACTERS } from "../../src/expressions/limits.ts";
import {
  MAX_FILTER_CHARACTERS,
  webhookCreateSchema,
  webhookPatchSchema,
} from "../../src/wire/webhook.ts";

const GOOD = { user_id: "u_1", url: "https://example.com/hooks?a=1" };

function paths(input: object): string[] {
  const checked = webhookCreateSchema.safeParse(input);
  return checked.success ? [] : checked.error.issues.map((issue) => issue.path.join("."));
}

test("a webhook needs only an owner and a url", () => {
  expect(webhookCreateSchema.parse(GOOD)).toEqual({
    ...GOOD,
    events: ["*"],
    dialect: "fluxdrop",
    filter: null,
    description: "",
    headers: {},
    enabled: true,
  });
});

test("a filter may be as long as an expression", () => {
  expect(MAX_FILTER_CHARACTERS).toBe(MAX_SOURCE_CHARACTERS);
});

describe("a webhook is refused at", () => {
  test.each<[path: string, claim: string, change: object]>([
    ["user_id", "both owners", { org_id: "o_1" }],
    ["user_id", "braces in an owner", { user_id: "{u}" }],
    ["url", "another scheme", { url: "file:///etc/passwd" }],
    ["url", "a space", { url: "https://exa mple.com/" }],
    ["url", "a fragment", { url: "https://example.com/#a" }],
    ["url", "port 0", { url: "https://example.com:0/" }],
    ["url", "2049 characters", { url: `https://example.com/${"a".repeat(2029)}` }],
    ["filter", "1,001 characters", { filter: "x".repeat(1_001) }],
    ["filter", "what is no text", { filter: true }],
    ["events", "no pattern", { events: [] }],
    ["events", "a pattern twice", { events: ["a", "a"] }],
    ["events.1", "what is no pattern", { events: ["a", "a b"] }],
    ["dialect", "an unknown dialect", { dialect: "other" }],
    ["headers.Host", "a reserved header", { headers: { Host: "a" } }],
    ["timeout_ms", "more than 30 s", { timeout_ms: 30_001 }],
    ["retry_schedule", "no attempt", { retry_schedule: [] }],
    ["retry_schedule.1", "what is no duration", { retry_schedule: ["0s", "soon"] }],
    ["disable_rule", "an unknown rule", { disable_rule: { failures: 3 } }],
    ["secret", "a malformed secret", { secret: "whsec_a" }],
  ])("%s: %s", (path, _claim, change) => {
    expect(paths({ ...GOOD, ...change })).toEqual([path]);
  });
});

test("the message does not contain a refused secret", () => {
  const checked = webhookCreateSchema.safeParse({ ...GOOD, secret: "whsec_malformed!" });
  expect(JSON.stringify(checked.error?.issues)).not.toContain("malformed!");
});

test("a patch changes only its fields, and has at least one", () => {
  expect(webhookPatchSchema.parse({ enabled: false })).toEqual({ enabled: false });
  expect(webhookPatchSchema.safeParse({}).success).toBe(false);
  expect(webhookPatchSchema.safeParse({ secret: "a".repeat(16) }).success).toBe(false);
});
