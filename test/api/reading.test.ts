import { afterAll, describe, expect, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { apiScene, closeScenes, faultyFields, type Answer } from "./api-scene.ts";
import { reject } from "./rejected-elements.ts";

afterAll(closeScenes);

const entry: LogEntry = {
  delivery_id: "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c1e11",
  webhook_id: "wh_1",
  id: "evt_1",
  endpoint: "https://example.com/hooks",
  event: "file.created",
  status_code: null,
  duration_ms: 12,
  attempt: 1,
  outcome: "retry",
  reason: "timeout",
  next_attempt_at: "2026-01-01T00:01:00.000Z",
  timestamp: "2026-01-01T00:00:00.000Z",
};

describe("logs", () => {
  test.each(["%2e", "%2e%2e", "%252e", "%2F", "...", ".a", "a/../b", "a\\b", "?a#b", ";a", "+"])(
    "of the owner %j are read at the URL with its encoded id",
    async (id) => {
      const api = await apiScene();
      await api.stores.logs.add(`user:${id}`, entry);
      const { body } = await api.call("GET", `/v1/users/${encodeURIComponent(id)}/logs`);
      expect(body).toEqual({ logs: [entry] });
    },
  );

  test("are the user's or the organisation's, even where both have the same id", async () => {
    const api = await apiScene();
    await api.stores.logs.add("user:x_1", entry);
    expect((await api.call("GET", "/v1/users/x_1/logs")).body).toEqual({ logs: [entry] });
    expect((await api.call("GET", "/v1/orgs/x_1/logs")).body).toEqual({ logs: [] });
  });

  test("of an owner whose id needs escapes in a path are found", async () => {
    const api = await apiScene();
    await api.stores.logs.add("user:a/b:ü%", entry);
    const answer = await api.call("GET", `/v1/users/${encodeURIComponent("a/b:ü%")}/logs`);
    expect(answer.body).toEqual({ logs: [entry] });
  });

  test.each([
    ["users", "user_id"],
    ["orgs", "org_id"],
  ])("of an ill-formed owner below /v1/%s are refused with 422", async (kind, field) => {
    const api = await apiScene();
    for (const id of ["a%7Bb", "a%20b", "%00", "x".repeat(129)]) {
      const answer = await api.call("GET", `/v1/${kind}/${id}/logs`);
      expect(answer.status).toBe(422);
      expect(faultyFields(answer)).toEqual([field]);
    }
  });
});

const rawsIn = (answer: Answer) =>
  (answer.body["rejected"] as { raw: string }[]).map(({ raw }) => raw);

describe("rejected elements", () => {
  test("come newest first, in pages of the length that was asked for", async () => {
    const api = await apiScene();
    const raws = Array.from({ length: 25 }, (_, n) => `{${n}`);
    await reject(api, raws);
    const newestFirst = raws.toReversed();
    const first = await api.call("GET", "/v1/rejected");
    expect(rawsIn(first)).toEqual(newestFirst.slice(0, 20));
    const second = await api.call(
      "GET",
      `/v1/rejected?cursor=${String(first.body["next_cursor"])}`,
    );
    expect(rawsIn(second)).toEqual(newestFirst.slice(20));
    expect(second.body["next_cursor"]).toBeNull();
    const two = await api.call("GET", "/v1/rejected?limit=2");
    expect(rawsIn(two)).toEqual(newestFirst.slice(0, 2));
  });

  test("are not listed with a limit outside of 1 to 100", async () => {
    const api = await apiScene();
    for (const limit of ["0", "101", "many"]) {
      const answer = await api.call("GET", `/v1/rejected?limit=${limit}`);
      expect(answer.status).toBe(422);
      expect(faultyFields(answer)).toEqual(["limit"]);
    }
  });

  test("are not listed with a cursor that no page gave", async () => {
    const api = await apiScene();
    for (const cursor of ["-1", "1e3", "abc", ""]) {
      const answer = await api.call("GET", `/v1/rejected?cursor=${cursor}`);
      expect(answer.status).toBe(422);
      expect(faultyFields(answer)).toEqual(["cursor"]);
    }
  });
});

describe("event types", () => {
  test("are the catalogue of each dialect, and any is accepted", async () => {
    const { body } = await (await apiScene()).call("GET", "/v1/event-types");
    expect(body["accepted"]).toBe("open");
    const catalogue = (body["event_types"] as Record<string, string[]>)["fluxdrop"];
    expect(catalogue).toHaveLength(10);
    expect(catalogue).toContain("org.permissionChanged");
  });

  test("name the accepted ones if they are limited", async () => {
    const api = await apiScene({ config: { eventTypes: new Set(["a.b", "c"]) } });
    const { body } = await api.call("GET", "/v1/event-types");
    expect(body["accepted"]).toEqual(["a.b", "c"]);
  });
});
