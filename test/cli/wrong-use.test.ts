// A wrong use ends with 2, asks nobody, and says in one line what to write instead.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { API_TOKEN, runFluxhook } from "../support/service.ts";
import { startTcpReceiver, type TcpReceiver } from "../support/tcp-receiver.ts";
import { tempFolder } from "../support/valkey.ts";

// Stands in the place of the API and of Valkey: a command that must not connect would be seen here.
let nobody: TcpReceiver;
beforeAll(async () => void (nobody = await startTcpReceiver()));
afterAll(() => nobody.stop());

const CANARY = "canary-canary-canary";
const run = (args: readonly string[], stdin?: string) =>
  runFluxhook(
    args,
    {
      FLUXHOOK_URL: `http://127.0.0.1:${nobody.port}`,
      FLUXHOOK_VALKEY_URL: `redis://127.0.0.1:${nobody.port}`,
      FLUXHOOK_API_TOKEN: API_TOKEN,
      WEBHOOK_SECRET: CANARY,
      BAD_SECRET: "whsec_canary!",
    },
    stdin,
  );

const ID = "wh_3vJ8kQm2ZpXr6Tn0YbLcW9dA";
const send = (...more: string[]) => ["send", "file.created", "--user", "u_1", ...more];
const sign = (...more: string[]) => ["sign", "--secret-env", "WEBHOOK_SECRET", ...more];
const header = ["--header", "webhook-id: 1"];

const WRONG: [args: string[], says: string][] = [
  [["sned"], "Did you mean send?"],
  [["send"], "missing required argument 'event'"],
  [["send", "file.created"], "give --user <id>, --org <id> or both"],
  [["send", "file created", "--user", "u_1"], `such as file.created; found "file created"`],
  [["send", "a.b", "--user", "a b"], "1 to 128 bytes without control characters, spaces or braces"],
  [["send", "a.b", "--org", "{o}"], "1 to 128 bytes without control characters, spaces or braces"],
  [send("more"), "too many arguments"],
  [send("--data", "7"), `such as '{"file_id":"f_1"}'`],
  [send("--data", "[]"), `such as '{"file_id":"f_1"}'`],
  [send("--data", "{},"), `such as '{"file_id":"f_1"}'`],
  [send("--data", `{"a":1},"user_id":"u_2"`), `such as '{"file_id":"f_1"}'`],
  [send("--data", "@/no/such/file"), "ENOENT; give a file that can be read"],
  [send("--id", "a.b"), "1 to 128 characters of A-Z a-z 0-9 _ -"],
  [send("--id", "a", "--count", "2"), "--id is for one event"],
  [send("--timestamp", "yesterday"), "such as 2026-01-31T12:00:00Z"],
  [send("--count", "0"), "a whole number from 1 to 100000"],
  [send("--count", "1e3"), "a whole number from 1 to 100000"],
  [send("--queue", "a{b}{c}"), "accepted are braces only as in {orders}:events"],
  [send("--queue", "a", "--api"), "--queue cannot be used with --api"],
  [["logs"], "a user's id, or --org <id>"],
  [["logs", "u_1", "--org", "o_1"], "give one owner"],
  [["logs", "u 1"], "1 to 128 bytes without control characters, spaces or braces"],
  [["logs", ".."], 'and not "." or ".."'],
  [["logs", "--org", "."], 'and not "." or ".."'],
  [["send", "a.b", "--user", ".."], 'and not "." or ".."'],
  [["logs", "u_1", "--folow"], "Did you mean --follow?"],
  [["webhooks"], "Usage: fluxhook webhooks"],
  [["webhooks", "lst"], "Did you mean list?"],
  [["webhooks", "list", "--limit", "101"], "a whole number from 1 to 100"],
  [["webhooks", "create"], "missing required argument 'url'"],
  [["webhooks", "create", "http://a/", "--dialect", "flx"], "fluxdrop, fluxdesk, flux, standard"],
  [["webhooks", "create", "http://a/", "--timeout", "10"], "such as 250ms, 10s or 1m"],
  [["webhooks", "create", "http://a/", "--header", CANARY], "--header takes 'Name: value'"],
  [["webhooks", "create", "http://a/", "--secret", CANARY], "use --secret-env <name>"],
  [["webhooks", "create", "http://a/", "--secret-env", "NO_SUCH"], "NO_SUCH is not set"],
  [["webhooks", "create", "http://a/", "--secret-env", "BAD_SECRET"], "well-formed, padded base64"],
  [["webhooks", "create", "http://a/", "--never-disable", "--disable-after", "3"], "give one of"],
  [["webhooks", "update", ID], "such as --url, --events or --timeout"],
  [["webhooks", "update"], "missing required argument 'id'"],
  [["webhooks", "rotate", ID, "--grace-hours", "169"], "a whole number from 0 to 168"],
  [["webhooks", "test"], "missing required argument 'id'"],
  [["parked", "redeliver", "5f0c", "--user", "u_1"], "a delivery's id, or --user"],
  [["parked", "redeliver", "--limit", "1001"], "a whole number from 1 to 1000"],
  [["rejected", "requeue"], "ids from `fluxhook rejected list`, or --all"],
  [
    ["rejected", "requeue", "5f0c3a527d0e4c7c", "--all"],
    "ids from `fluxhook rejected list`, or --all",
  ],
  [["rejected", "requeue", "5f0c"], "16 digits of 0-9 a-f"],
  [["sign"], "--secret-env <name>, --secret-file <file> or --secret-stdin"],
  [["sign", `--secret=${CANARY}`], "--secret is not accepted, because others would see it"],
  [["sign", "--secret-env", `${CANARY}!`], "takes the name of a variable"],
  [["sign", "--secret-stdin"], "give the body as a file"],
  [sign("--secret-file", "x"), "give one of"],
  [sign("--body", "/no/such/file"), "ENOENT"],
  [sign("--dialect", "svix"), "fluxdrop, fluxdesk, flux, standard"],
  [sign("--timestamp", "now"), "Unix seconds, such as 1769860801"],
  [sign("--id", "a.b"), "1 to 128 characters"],
  [sign("--event", "a b"), "words of A-Z a-z 0-9 _ joined by dots"],
  [["verify", "--secret-env", "WEBHOOK_SECRET"], "--header 'Name: value', or the whole request"],
  [["verify", ...header], "--secret-env <name>, --secret-file <file> or --secret-stdin"],
  [["verify", ...header, "--request", "x"], "remove --header and --body"],
  [["verify", ...header, "--secret-stdin"], "--body <file> or --request <file>"],
  [["verify", "--header", "a b: c", "--secret-env", "WEBHOOK_SECRET"], "not a valid header"],
  [["verify", "--request", "-", "--secret-env", "WEBHOOK_SECRET"], "it has no empty line"],
];

test.each(WRONG)("%j", async (args, says) => {
  const { exitCode, stdout, stderr } = await run(args, "");
  expect([exitCode, stdout]).toEqual([2, ""]);
  expect(stderr.replaceAll("\n", " ")).toContain(says);
  expect(stderr).toMatch(/^(error|fluxhook): |^Usage: /);
  expect(stderr).toMatch(/fluxhook( \w+)* --help|Example|accepted are/);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toContain("canary");
  expect(nobody.connections).toHaveLength(0);
});

describe("a secret in a file", () => {
  test("is read without its last line feed, and is not printed if it is invalid", async () => {
    const file = join(tempFolder("cli"), "secret");
    await Bun.write(file, "short\n");
    const { exitCode, stderr } = await run(["sign", "--secret-file", file], "{}");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("must be 16 to 128 printable ASCII characters");
    expect(stderr).not.toContain("short");
    await Bun.write(file, `${CANARY}\r\n`);
    expect((await run(["sign", "--secret-file", file], "{}")).exitCode).toBe(0);
  });
});

test("the value of an unknown option is not printed", async () => {
  const { exitCode, stderr } = await run(["sign", "--secrets=whsec_canary"]);
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining("unknown option '--secrets=")]);
  expect(stderr).not.toContain("canary");
});

test("an invalid setting is a usage error", async () => {
  const { exitCode, stderr } = await runFluxhook(["logs", "u_1"], {
    FLUXHOOK_URL: "http://anna:s3cret@127.0.0.1",
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain("FLUXHOOK_URL is not the API's address");
  expect(stderr).toContain("FLUXHOOK_API_TOKEN is required");
  expect(stderr).not.toContain("s3cret");
});
