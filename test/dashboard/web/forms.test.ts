// The form's texts and the API's fields; the samples of the dialects; the reference's tables.
import { afterAll, describe, expect, test } from "bun:test";
import { DIALECTS, STANDARD_HEADERS } from "../../../src/dashboard/web/dialects.ts";
import {
  fieldRows,
  sampleOf,
  typeInWords,
  type OpenApi,
} from "../../../src/dashboard/web/openapi.ts";
import {
  changesOf,
  NEW,
  readTexts,
  textsOf,
  type WebhookFields,
} from "../../../src/dashboard/web/webhook-input.ts";
import { DIALECT_NAMES, dialectOf } from "../../../src/wire/dialects/registry.ts";
import { webhookCreateSchema, type Webhook } from "../../../src/wire/webhook.ts";
import { apiScene, closeScenes } from "../../api/api-scene.ts";

const WEBHOOK: Webhook = {
  id: "wh_1",
  user_id: "u_1",
  url: "https://a.example/",
  events: ["file.*"],
  dialect: "flux",
  filter: "event.data.a > 1",
  description: "d",
  headers: { "X-A": "b: c", ["__proto__"]: "x" },
  enabled: true,
  disabled_reason: null,
  disable_rule: { consecutive_failures: 10 },
  timeout_ms: 2_500,
  retry_schedule: ["0s", "1m"],
  created_at: "2026-01-02T03:04:05Z",
  updated_at: "2026-01-02T03:04:05Z",
  health: { last_success_at: null, last_failure_at: null, consecutive_failures: 0 },
};

function fieldsOf(texts: typeof NEW): WebhookFields {
  const reading = readTexts(texts);
  if ("errors" in reading) throw new Error("it was not read");
  return reading.fields;
}

describe("the form", () => {
  test("changes nothing where nothing was typed", () => {
    expect(changesOf(fieldsOf(textsOf(WEBHOOK)), WEBHOOK)).toEqual({});
    const never = { ...WEBHOOK, disable_rule: null };
    expect(changesOf(fieldsOf(textsOf(never)), never)).toEqual({});
    const timed: Webhook = { ...WEBHOOK, disable_rule: { failing_for: "5d" } };
    expect(changesOf(fieldsOf(textsOf(timed)), timed)).toEqual({});
  });

  test("gives only what differs", () => {
    const texts = { ...textsOf(WEBHOOK), timeoutS: "3", rule: "never" as const };
    expect(changesOf(fieldsOf(texts), WEBHOOK)).toEqual({ timeout_ms: 3_000, disable_rule: null });
  });

  test("makes of a new one what the API takes, with the dialect's own where nothing was typed", () => {
    const fields = fieldsOf({ ...NEW, url: " https://a.example/ " });
    const { success, data } = webhookCreateSchema.safeParse({ ...fields, user_id: "u_1" });
    expect(success).toBe(true);
    expect(data?.url).toBe("https://a.example/");
    expect(Object.keys(fields).toSorted()).toEqual([
      "description",
      "dialect",
      "events",
      "filter",
      "headers",
      "url",
    ]);
  });

  test("says which line is no header", () => {
    expect(readTexts({ ...NEW, headers: "X-A: b\nno header" })).toEqual({
      errors: [{ field: "headers", code: "form", message: "one header a line, as Name: value" }],
    });
  });
});

describe("the sample of a dialect", () => {
  test("is there for each, and in the same order", () => {
    expect(DIALECTS.map(({ name }) => name)).toEqual([...DIALECT_NAMES]);
  });

  test.each(DIALECTS.map((sample) => [sample.name, sample] as const))(
    "%s has the headers and the body that it sends",
    (name, { headers, body }) => {
      const dialect = dialectOf(name);
      const deliveryId = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001";
      const input = {
        eventId: "evt_1",
        eventType: "file.created",
        deliveryId,
        unixSeconds: 1_767_323_045,
      };
      const own = Object.fromEntries(
        Object.entries(dialect.headers).map(([header, write]) => [header, write(input)]),
      );
      const shown = Object.fromEntries(headers);
      expect(shown).toMatchObject(own);
      const signature = dialect.ownSignature?.header;
      const names = [...Object.keys(own), ...(signature ? [signature] : [])];
      expect(Object.keys(shown).toSorted()).toEqual(names.toSorted());
      const sent = dialect.envelope({
        id: "evt_1",
        type: "file.created",
        timestamp: "2026-01-02T03:04:05Z",
        data: '{"a":1}',
      });
      const asSample = sent.replace("evt_1", "evt_…").replace('{"a":1}', "{…}");
      expect(body).toBe(asSample.replace('"title":"file.created"', '"title":"…"'));
    },
  );

  test("has the three headers of Standard Webhooks", () => {
    expect(STANDARD_HEADERS.map(([name]) => name)).toEqual([
      "webhook-id",
      "webhook-timestamp",
      "webhook-signature",
    ]);
  });
});

afterAll(closeScenes);
const answer = await (await apiScene()).raw("/openapi.json");
const document = (await answer.json()) as OpenApi;

describe("the API reference", () => {
  test("finds the fields of an input, those inside of others below them", () => {
    const schema = { $ref: "#/components/schemas/WebhookCreate" };
    const names = fieldRows(schema, document).map(({ name }) => name);
    expect(names).toContain("url");
    expect(names).toContain("consecutive_failures");
    expect(sampleOf(schema, document)).toEqual({ url: "https://example.com/hooks" });
  });

  test("says types and limits in words", () => {
    expect(typeInWords({ type: "integer", minimum: 1, maximum: 9 }, document)).toBe(
      "integer, at least 1, at most 9",
    );
    expect(typeInWords({ type: ["string", "null"] }, document)).toBe("text or null");
    expect(typeInWords({ enum: ["a", "b"] }, document)).toBe('"a" or "b"');
    expect(typeInWords({ type: "array", items: { type: "string" } }, document)).toBe(
      "list of text",
    );
  });
});
