import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkSettings } from "../../src/cli/doctor/settings-check.ts";
import {
  readSettings,
  SETTINGS,
  SettingsError,
  type SettingName,
} from "../../src/config/settings.ts";
import { runFluxhook } from "../support/service.ts";

const folder = mkdtempSync(join(tmpdir(), "fluxhook-setting-files-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(content: string | Uint8Array): string {
  files += 1;
  const path = join(folder, `secret-${files}`);
  writeFileSync(path, content);
  return path;
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readSettings(environment);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

const TOKEN = "a-token-of-24-characters";
const KEY = Buffer.alloc(32, 7).toString("base64");
const SECRETS: [SettingName, string, unknown][] = [
  ["VALKEY_URL", "rediss://:pass@valkey.internal:6380", "rediss://:pass@valkey.internal:6380"],
  ["API_TOKEN", TOKEN, [TOKEN]],
  ["SECRET_KEY", KEY, [KEY]],
  ["EGRESS_PROXY", "http://user:pass@proxy.internal:3128", "http://user:pass@proxy.internal:3128"],
  ["ALERT_URL", "https://alerts.example.com/?key=1", "https://alerts.example.com/?key=1"],
  ["ALERT_SECRET", "a-secret-of-the-alerts", "a-secret-of-the-alerts"],
  ["METRICS_TOKEN", "a-token-of-the-metrics", "a-token-of-the-metrics"],
];

describe("a secret setting", () => {
  test.each(SECRETS)(
    "%s is read from the file that its _FILE variable names",
    (name, text, value) => {
      const environment = {
        FLUXHOOK_ALERT_SECRET: "a-secret-of-the-alerts",
        [`FLUXHOOK_${name}_FILE`]: fileOf(text),
      };
      if (name === "ALERT_SECRET") Reflect.deleteProperty(environment, "FLUXHOOK_ALERT_SECRET");
      expect(readSettings(environment)[name]).toEqual(value as never);
    },
  );

  test("every setting that is marked as a secret is in this table", () => {
    const marked = Object.entries(SETTINGS).filter(([, setting]) => "isSecret" in setting);
    const names = marked.flatMap(([name, { isSecret }]) => (isSecret ? [name] : []));
    expect(names.toSorted()).toEqual(SECRETS.map(([name]) => name as string).toSorted());
  });

  test.each(["\n", "\r\n", "\n\n"])("%j at the end of a secret file is removed", (end) => {
    const path = fileOf(TOKEN + end);
    expect(readSettings({ FLUXHOOK_API_TOKEN_FILE: path }).API_TOKEN).toEqual([TOKEN]);
  });

  test("a blank at the end of a secret file belongs to the secret", () => {
    const path = fileOf(`${TOKEN} \n`);
    expect(problemsOf({ FLUXHOOK_API_TOKEN_FILE: path })).toEqual([
      "FLUXHOOK_API_TOKEN_FILE must be printable ASCII without spaces",
    ]);
  });

  test("an empty variable counts as not set beside a secret file, and the other way round", () => {
    const path = fileOf(TOKEN);
    const byFile = { FLUXHOOK_API_TOKEN: "", FLUXHOOK_API_TOKEN_FILE: path };
    expect(readSettings(byFile).API_TOKEN).toEqual([TOKEN]);
    const byItself = { FLUXHOOK_API_TOKEN: TOKEN, FLUXHOOK_API_TOKEN_FILE: "" };
    expect(readSettings(byItself).API_TOKEN).toEqual([TOKEN]);
  });

  test("a secret that is given twice is an error that names both variables", () => {
    expect(
      problemsOf({ FLUXHOOK_API_TOKEN: TOKEN, FLUXHOOK_API_TOKEN_FILE: fileOf(TOKEN) }),
    ).toEqual(["FLUXHOOK_API_TOKEN and FLUXHOOK_API_TOKEN_FILE are both set; set one of them"]);
  });
});

describe("the file of a secret", () => {
  const missing = join(folder, "missing");
  const unreadable = fileOf(TOKEN);
  chmodSync(unreadable, 0);
  const subfolder = join(folder, "folder");
  mkdirSync(subfolder);
  const rows: [what: string, path: string, problem: string][] = [
    ["is missing", missing, "which cannot be read (ENOENT); check the path and its permissions"],
    ["is a folder", subfolder, "which is not a file"],
    ["is a device", "/dev/zero", "which is not a file"],
    ["is empty", fileOf("\n"), "which is empty"],
    ["is not text", fileOf(Uint8Array.of(0xff, 0xfe)), "which is not UTF-8 text"],
    [
      "is huge",
      fileOf("x".repeat(65_537)),
      "which has more than 65536 bytes; no setting is that long",
    ],
  ];
  // Root can read every file.
  if (process.getuid?.() !== 0) {
    rows.push([
      "may not be read",
      unreadable,
      "which cannot be read (EACCES); check the path and its permissions",
    ]);
  }
  test.each(rows)("the error for a secret file that %s names its path", (_, path, problem) => {
    expect(problemsOf({ FLUXHOOK_SECRET_KEY_FILE: path })).toEqual([
      `FLUXHOOK_SECRET_KEY_FILE names ${JSON.stringify(path)}, ${problem}`,
    ]);
  });
});

test("a file for a setting that is not a secret is refused with the variable to set", () => {
  expect(problemsOf({ FLUXHOOK_PORT_FILE: fileOf("8585") })).toEqual([
    "FLUXHOOK_PORT_FILE is not a setting of Fluxhook; only secrets are read from files, so set FLUXHOOK_PORT itself",
  ]);
});

test("FLUXHOOK_ALERT_URL accepts the secret from a file", () => {
  const environment = { FLUXHOOK_ALERT_URL: "https://alerts.example.com/" };
  expect(problemsOf(environment)).toEqual([
    "FLUXHOOK_ALERT_SECRET is required if FLUXHOOK_ALERT_URL is set",
  ]);
  expect(
    problemsOf({ ...environment, FLUXHOOK_ALERT_SECRET_FILE: fileOf("a-secret-of-the-alerts") }),
  ).toEqual([]);
});

describe("doctor", () => {
  test("doctor continues without a secret that is given twice or whose file is unreadable", () => {
    const { wrong, result } = checkSettings({
      FLUXHOOK_API_TOKEN: TOKEN,
      FLUXHOOK_API_TOKEN_FILE: join(folder, "missing"),
    });
    expect([...wrong]).toEqual(["API_TOKEN"]);
    expect(result.found).toBe(
      "FLUXHOOK_API_TOKEN and FLUXHOOK_API_TOKEN_FILE are both set; set one of them",
    );
  });

  test("doctor reports which settings come from files", () => {
    const { result } = checkSettings({ FLUXHOOK_API_TOKEN_FILE: fileOf(TOKEN) });
    expect(result.found).toBe("1 set (from files: API_TOKEN), the others have their defaults");
  });
});

test("a command finds the API with the token from a file", async () => {
  let authorization: string | null = null;
  const server = Bun.serve({
    port: 0,
    fetch: (request) => {
      authorization = request.headers.get("authorization");
      return Response.json({ logs: [] });
    },
  });
  try {
    const { exitCode, stderr } = await runFluxhook(["logs", "u_1"], {
      FLUXHOOK_URL: server.url.href.replace(/\/$/, ""),
      FLUXHOOK_API_TOKEN_FILE: fileOf(`${TOKEN}\n`),
    });
    expect([exitCode, stderr]).toEqual([0, ""]);
    expect<string | null>(authorization).toBe(`Bearer ${TOKEN}`);
  } finally {
    await server.stop(true);
  }
});
