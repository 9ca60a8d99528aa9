import { describe, expect, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { faultyFields, memoryApi } from "./memory-api.ts";

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
    "of the owner %j are read over the URL that carries its id",
    async (id) => {
      const api = memoryApi();
      api.logs.set(`user:${id}`, [entry]);
      const { body } = await api.call("GET", `/v1/users/${encodeURIComponent(id)}/logs`);
      expect(body).toEqual({ logs: [entry] });
    },
  );

  test("are the user's or the organisation's, even where both have the same id", async () => {
    const api = memoryApi();
    api.logs.set("user:x_1", [entry]);
    api.logs.set("org:x_1", []);
    expect((await api.call("GET", "/v1/users/x_1/logs")).body).toEqual({ logs: [entry] });
    expect((await api.call("GET", "/v1/orgs/x_1/logs")).body).toEqual({ logs: [] });
  });

  test("are found by an id that needs escapes in a path", async () => {
    const api = memoryApi();
    api.logs.set("user:a/b:ü%", [entry]);
    const answer = await api.call("GET", `/v1/users/${encodeURIComponent("a/b:ü%")}/logs`);
    expect(answer.body).toEqual({ logs: [entry] });
  });

  test.each([
    ["users", "user_id"],
    ["orgs", "org_id"],
  ])("of an ill-formed owner below /v1/%s are 422", async (kind, field) => {
    const api = memoryApi();
    for (const id of ["a%7Bb", "a%20b", "%00", "x".repeat(129)]) {
      const answer = await api.call("GET", `/v1/${kind}/${id}/logs`);
      expect(answer.status).toBe(422);
      expect(faultyFields(answer)).toEqual([field]);
    }
  });
});

describe("rejected elements", () => {
  test("come in pages of the asked length", async () => {
    const api = memoryApi();
    api.rejected.push(...Array.from({ length: 25 }, (_, n) => ({ reason: "not-json", n })));
    const first = await api.call("GET", "/v1/rejected");
    expect(first.body["rejected"]).toEqual(api.rejected.slice(0, 20));
    const second = await api.call(
      "GET",
      `/v1/rejected?cursor=${String(first.body["next_cursor"])}`,
    );
    expect(second.body).toEqual({ rejected: api.rejected.slice(20), next_cursor: null });
    const two = await api.call("GET", "/v1/rejected?limit=2");
    expect(two.body["rejected"]).toEqual(api.rejected.slice(0, 2));
  });

  test("refuse a limit outside 1 to 100", async () => {
    const api = memoryApi();
    for (const limit of ["0", "101", "many"]) {
      const answer = await api.call("GET", `/v1/rejected?limit=${limit}`);
      expect(answer.status).toBe(422);
      expect(faultyFields(answer)).toEqual(["limit"]);
    }
  });

  test("refuse a cursor that no page gave", async () => {
    const api = memoryApi();
    for (const cursor of ["-1", "1e3", "abc", ""]) {
      const answer = await api.call("GET", `/v1/rejected?cursor=${cursor}`);
      expect(answer.status).toBe(422);
      expect(faultyFields(answer)).toEqual(["cursor"]);
    }
  });
});

describe("event types", () => {
  test("are the catalogue of each dialect, and all are accepted", async () => {
    const { body } = await memoryApi().call("GET", "/v1/event-types");
    expect(body["accepted"]).toBe("open");
    const catalogue = (body["event_types"] as Record<string, string[]>)["fluxdrop"];
    expect(catalogue).toHaveLength(10);
    expect(catalogue).toContain("org.permissionChanged");
  });

  test("name the accepted ones where they are limited", async () => {
    const api = memoryApi({ eventTypes: new Set(["a.b", "c"]) });
    const { body } = await api.call("GET", "/v1/event-types");
    expect(body["accepted"]).toEqual(["a.b", "c"]);
  });
});
