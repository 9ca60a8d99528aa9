import { describe, expect, test } from "bun:test";
import { CATALOGUE, DIALECT_NAMES, dialectOf } from "../../../src/wire/dialects/registry.ts";
import { fluxdrop } from "../../../src/wire/dialects/fluxdrop.ts";
import { isEventType } from "../../../src/wire/event-pattern.ts";
import { texts as dataTexts } from "../../vectors/data-texts.json";
import { JsonWriter, seededRandom } from "../seeded-random.ts";

const INPUT = { id: "evt_1", type: "file.created", timestamp: "2026-01-31T12:00:00Z" };

describe("the fluxdrop envelope", () => {
  test.each(dataTexts)("holds data as it came: %s", (data) => {
    const body = fluxdrop.envelope({ ...INPUT, data });
    expect(body).toBe(
      `{"id":"evt_1","event":"file.created","timestamp":"2026-01-31T12:00:00Z","data":${data}}`,
    );
    expect(Object.keys(JSON.parse(body) as object)).toEqual(["id", "event", "timestamp", "data"]);
  });

  test("is JSON around any data", () => {
    const writer = new JsonWriter(seededRandom(11));
    for (let round = 0; round < 500; round++) {
      const data = writer.object(3);
      const parsed = JSON.parse(fluxdrop.envelope({ ...INPUT, data })) as { data: unknown };
      expect(parsed.data).toEqual(JSON.parse(data));
    }
  });
});

test("the fluxdrop dialect has the ten types, 10 s and the schedule of DESIGN §2.4", () => {
  expect(fluxdrop.catalogue).toHaveLength(10);
  expect(fluxdrop.catalogue.every(isEventType)).toBe(true);
  expect(fluxdrop.timeoutMs).toBe(10_000);
  expect(fluxdrop.retryScheduleMs).toEqual([0, 60_000, 300_000, 1_800_000, 7_200_000]);
  expect(fluxdrop.disableRule).toEqual({ failing_for: "5d" });
});

test("every dialect is found under its own name", () => {
  expect(DIALECT_NAMES).toContain("fluxdrop");
  for (const name of DIALECT_NAMES) expect(dialectOf(name).name).toBe(name);
});

test("the catalogue names every dialect's event types", () => {
  for (const name of DIALECT_NAMES) {
    expect([...CATALOGUE]).toEqual(expect.arrayContaining([...dialectOf(name).catalogue]));
  }
});
