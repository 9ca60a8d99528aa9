// Every text that an answer of the API may hold comes from outside at some time. Whatever is in it, the
// commands print no character that steers a terminal, and no line that somebody else has written.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { API_TOKEN, runFluxhook } from "../support/service.ts";

const EVIL = "a\u001b[2J\u009b1A\u202eb\u2028\u0007\r\nFORGED line";
const UUID = "5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001";

const WEBHOOK = {
  id: EVIL,
  user_id: EVIL,
  url: `https://example.com/${EVIL}`,
  events: [EVIL],
  dialect: EVIL,
  filter: EVIL,
  description: EVIL,
  headers: { [EVIL]: EVIL },
  enabled: false,
  disabled_reason: EVIL,
  disable_rule: { failing_for: EVIL },
  timeout_ms: 1,
  retry_schedule: [EVIL],
  created_at: EVIL,
  updated_at: EVIL,
  health: { last_success_at: EVIL, last_failure_at: EVIL, consecutive_failures: 1 },
};
const ENTRY = {
  delivery_id: EVIL,
  webhook_id: EVIL,
  id: EVIL,
  endpoint: EVIL,
  event: EVIL,
  status_code: 500,
  duration_ms: 1,
  attempt: 1,
  outcome: "retry",
  reason: EVIL,
  next_attempt_at: EVIL,
  timestamp: EVIL,
};
const PARKED = { ...ENTRY, user_id: EVIL, parked_at: EVIL, expires_at: EVIL, size: 1 };
const REJECTED = {
  id: EVIL,
  reason: EVIL,
  field: EVIL,
  message: EVIL,
  queue: EVIL,
  size: 1,
  rejected_at: EVIL,
  raw: EVIL,
};
const PROBLEM = {
  type: EVIL,
  title: EVIL,
  status: 422,
  detail: EVIL,
  errors: [{ field: EVIL, code: EVIL, message: `${EVIL}!` }],
};

let server: Bun.Server<undefined>;
let isRefusing = false;
beforeAll(() => {
  server = Bun.serve({
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      if (isRefusing || pathname === "/readyz") {
        return Response.json(PROBLEM, { status: pathname === "/readyz" ? 503 : 422 });
      }
      if (pathname.endsWith("/logs")) {
        return Response.json({ logs: [ENTRY, { ...ENTRY, outcome: "unreadable", raw: EVIL }] });
      }
      if (pathname === "/v1/parked") {
        return Response.json({ parked: [PARKED], next_cursor: EVIL });
      }
      if (pathname === "/v1/rejected") {
        return Response.json({ rejected: [REJECTED], next_cursor: EVIL });
      }
      if (pathname.endsWith("/redeliver")) return Response.json({ delivery_id: EVIL });
      if (pathname.endsWith("/rotate-secret")) {
        return Response.json({ secret: EVIL, previous_expires_at: EVIL });
      }
      if (pathname.endsWith("/test")) return Response.json({ attempt: ENTRY });
      if (pathname === "/v1/webhooks" && request.method === "GET") {
        return Response.json({ webhooks: [WEBHOOK], next_cursor: EVIL });
      }
      return Response.json({ ...WEBHOOK, secret: EVIL });
    },
  });
});
afterAll(() => server.stop(true));

const run = (args: readonly string[]) =>
  runFluxhook(args, {
    FLUXHOOK_URL: server.url.href.replace(/\/$/, ""),
    FLUXHOOK_API_TOKEN: API_TOKEN,
    FLUXHOOK_PORT: String(server.port),
  });

const COMMANDS: string[][] = [
  ["logs", "u_1"],
  ["webhooks", "list", "--user", "u_1"],
  ["webhooks", "get", "wh_1"],
  ["webhooks", "create", "https://example.com/", "--user", "u_1"],
  ["webhooks", "update", "wh_1", "--description", "x"],
  ["webhooks", "test", "wh_1"],
  ["webhooks", "rotate", "wh_1"],
  ["webhooks", "disable", "wh_1"],
  ["parked", "list"],
  ["parked", "redeliver", UUID],
  ["rejected", "list"],
];

/** What a terminal would act on, and the lines that it would take for the command's own. */
function harmIn(output: string): string[] {
  return [
    ...(output.match(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu) ?? []),
    ...output.split("\n").filter((line) => line.startsWith("FORGED")),
  ];
}

describe("whatever the API answers,", () => {
  test.each(COMMANDS.map((args) => ({ args })))(
    "$args prints nothing of it raw",
    async ({ args }) => {
      const { stdout, stderr } = await run(args);
      expect(stdout).toContain("\\u001b[2J");
      expect([harmIn(stdout), harmIn(stderr)]).toEqual([[], []]);
    },
  );

  test.each(COMMANDS.map((args) => ({ args })))(
    "$args --json is JSON without it",
    async ({ args }) => {
      const { stdout, stderr } = await run([...args, "--json"]);
      expect([harmIn(stdout), harmIn(stderr)]).toEqual([[], []]);
      expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(EVIL).slice(1, -1));
    },
  );

  test.each(COMMANDS.map((args) => ({ args })))(
    "$args prints no error of it raw",
    async ({ args }) => {
      isRefusing = true;
      try {
        const { exitCode, stdout, stderr } = await run(args);
        expect([exitCode, stdout, harmIn(stderr)]).toEqual([1, "", []]);
        expect(stderr).toContain("\\u001b[2J");
      } finally {
        isRefusing = false;
      }
    },
  );

  test.each(["health", "doctor"])("%s prints nothing of it raw", async (command) => {
    const { stdout, stderr } = await run([command]);
    expect(stdout + stderr).toContain("u001b");
    expect([harmIn(stdout), harmIn(stderr)]).toEqual([[], []]);
  });
});
