// The commands that push and read on a real service: what they print for people, and with --json.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { CLI_SECRET } from "../support/cli-scene.ts";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register, verifyAll } from "../support/serve-scene.ts";
import { ownerToken } from "../support/tokens.ts";
import { API_TOKEN } from "../support/service.ts";
import { useCliScene } from "../support/use-scene.ts";
import { tempFolder } from "../support/valkey.ts";

const cli = useCliScene();

describe("fluxhook send", () => {
  test("pushes onto the list and prints the id that the receiver gets", async () => {
    const user = cli.newOwner();
    await cli.webhookOf(user, `/${user}`);
    const data = '{"n":12345678901234567890,"x":1.0}';
    const id = (await cli.done("send", "file.created", "--user", user, "--data", data)).trim();
    expect(id).toMatch(/^evt_[0-9a-f]{32}$/);
    const [entry] = await cli.logged(user, 1);
    expect(entry?.id).toBe(id);
    const request = cli.receiver.requests.find(({ path }) => path === `/${user}`);
    expect(request?.text).toEndWith(`"data":${data}}`);
    verifyAll(request!, CLI_SECRET);
  });

  test("takes id, timestamp, organisation, list and data from a file or from standard input", async () => {
    const file = join(tempFolder("cli"), "data.json");
    await Bun.write(file, ' {"from":"file"}\n');
    const list = `${cli.scene.prefix}:other`;
    const base = ["send", "a.b", "--org", "o_1", "--user", "u_x", "--queue", list];
    await cli.done(
      ...base,
      "--id",
      "evt-7",
      "--timestamp",
      "2026-01-02T03:04:05Z",
      "--data",
      `@${file}`,
    );
    const piped = await cli.run([...base, "--data", "-"], {}, '{"from":"stdin"}');
    expect(piped.exitCode).toBe(0);
    const [second, first] = await cli.scene.redis.lrange(list, 0, -1);
    expect(first).toBe(
      '{"user_id":"u_x","org_id":"o_1","event":"a.b","id":"evt-7","timestamp":"2026-01-02T03:04:05Z","data":{"from":"file"}}',
    );
    expect(second).toEndWith('"data":{"from":"stdin"}}');
  });

  test.each([[[]], [["--api"]]])(
    "pushes as many events as --count says, each with its own id %j",
    async (how) => {
      const user = cli.newOwner();
      const send = ["send", "a.b", "--user", user, "--count", "1203", ...how];
      const { ids } = await cli.json<{ ids: string[] }>(...send);
      expect(new Set(ids).size).toBe(1_203);
      await eventually(async () => (await cli.scene.redis.llen(cli.scene.queue)) === 0);
    },
  );

  test("refuses an invalid event by the service's own settings, and pushes nothing", async () => {
    const result = await cli.run(["send", "file.created", "--user", "u_1", "--queue", "nobody's"], {
      FLUXHOOK_EVENT_TYPES: "file.deleted",
    });
    expect([result.exitCode, result.stdout]).toEqual([2, ""]);
    expect(result.stderr).toContain(
      `event "file.created" is not in the catalogue; accepted are file.deleted`,
    );
    expect(await cli.scene.redis.exists("nobody's")).toBe(0);
  });

  test("exits with 1 if Valkey is down or the key has another type, and prints no password", async () => {
    const away = await cli.run(["send", "a.b", "--user", "u_1"], {
      FLUXHOOK_VALKEY_URL: "redis://anna:s3cret@127.0.0.1:1",
    });
    expect([away.exitCode, away.stdout]).toEqual([1, ""]);
    expect(away.stderr).toContain("no Valkey answers at redis://127.0.0.1:1");
    expect(away.stderr).toContain("FLUXHOOK_VALKEY_URL");
    expect(away.stderr).not.toContain("s3cret");
    const key = `${cli.scene.prefix}:no-list`;
    await cli.scene.redis.set(key, "x");
    const wrong = await cli.run(["send", "a.b", "--user", "u_1", "--queue", key]);
    expect([wrong.exitCode, wrong.stdout]).toEqual([1, ""]);
    expect(wrong.stderr).toContain("WRONGTYPE");
  });
});

describe("fluxhook logs", () => {
  test("prints a table, or the API's JSON", async () => {
    const user = cli.newOwner();
    await cli.webhookOf(user, "/dead");
    await cli.done("send", "file.created", "--user", user);
    await cli.logged(user, 1);
    const text = await cli.done("logs", user);
    for (const word of ["file.created", "parked (http-500)", "500", "/dead"]) {
      expect(text).toContain(word);
    }
    expect(await cli.done("logs", "--user", user)).toBe(text);
    expect(await cli.json<unknown>("logs", user)).toEqual({ logs: await cli.scene.logOf(user) });
    expect(await cli.json<unknown>("logs", "--org", user)).toEqual({ logs: [] });
    expect(await cli.done("logs", cli.newOwner())).toBe("no attempts in the last days\n");
  });
});

describe("fluxhook parked", () => {
  test("list prints parked deliveries; redeliver takes one by its id or many by their owner", async () => {
    const user = cli.newOwner();
    const { id } = await cli.webhookOf(user, "/dead");
    for (const n of [1, 2, 3]) {
      await cli.done("send", "a.b", "--user", user, "--id", `${user}-${n}`);
    }
    const listed = () =>
      cli.json<{ parked: { delivery_id: string }[] }>("parked", "list", "--webhook", id);
    await eventually(async () => (await listed()).parked.length === 3);
    const { parked } = await listed();
    const text = await cli.done("parked", "list", "--user", user, "--limit", "2");
    expect(text).toContain(parked[0]?.delivery_id ?? "?");
    expect(text).toContain("http-500");
    expect(text).toMatch(/^more: --cursor \S+$/m);
    const ofKind = (reason: string, event: string) =>
      cli.done("parked", "list", "--user", user, "--reason", reason, "--event", event);
    expect(await ofKind("http-500", "a.b")).toContain(parked[2]?.delivery_id ?? "?");
    expect(await ofKind("http-500", "a.c")).toBe("nothing is parked\n");
    expect(await ofKind("timeout", "a.b")).toBe("nothing is parked\n");

    await cli.done("webhooks", "update", id, "--url", `${cli.receiver.url}/alive`);
    const one = await cli.done("parked", "redeliver", parked[0]?.delivery_id ?? "");
    expect(one).toMatch(/^redelivering as [0-9a-f-]{36}\n$/);
    const again = await cli.run(["parked", "redeliver", crypto.randomUUID()]);
    expect([again.exitCode, again.stdout]).toEqual([1, ""]);
    expect(await cli.done("parked", "redeliver", "--user", user, "--limit", "1")).toBe(
      "redelivering 1, 1 remain: run it again\n",
    );
    expect(await cli.json<unknown>("parked", "redeliver", "--webhook", id)).toEqual({
      redelivered: 1,
      remaining: 0,
    });
    expect(await cli.done("parked", "list", "--user", user)).toBe("nothing is parked\n");
  });

  test("redeliver with --before and --dry-run narrows and counts, and changes nothing", async () => {
    const user = cli.newOwner();
    await cli.webhookOf(user, "/dead");
    await cli.scene.push(eventFor(user));
    await eventually(async () => {
      const counted = await cli.done("parked", "redeliver", "--user", user, "--dry-run");
      expect(counted).toBe("1 would be redelivered\n");
    });
    const before = ["--before", "2026-01-01T00:00:00Z"];
    const none = await cli.done("parked", "redeliver", "--user", user, ...before);
    expect(none).toBe("redelivering 0\n");
    const wrong = await cli.run(["parked", "redeliver", "--user", user, "--before", "yesterday"]);
    expect([wrong.exitCode, wrong.stderr.includes("RFC 3339")]).toEqual([2, true]);
  });

  test("redeliver without a filter is sent to the API, for a scoped token implies an owner", async () => {
    const refused = await cli.run(["parked", "redeliver"]);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("give user_id, org_id or webhook_id");
    const hour = [new Date(), new Date(Date.now() + 3_600_000)] as const;
    const token = await ownerToken(API_TOKEN, { kind: "user", id: "u_s" }, ...hour);
    const scoped = await cli.run(["parked", "redeliver"], { FLUXHOOK_API_TOKEN: token });
    expect([scoped.exitCode, scoped.stdout]).toEqual([0, "redelivering 0\n"]);
  });
});

describe("fluxhook rejected", () => {
  test("list prints rejected elements, and requeue pushes them again once the setting is corrected", async () => {
    await using own = await openScene();
    const strict = await own.serve({ FLUXHOOK_EVENT_TYPES: "file.deleted" });
    const target = { FLUXHOOK_URL: strict.url };
    await own.push(
      ...["a", "b", "c"].map((id) => `{"user_id":"u_1","event":"x.y","data":{},"id":"${id}"}`),
    );
    await eventually(async () => (await own.redis.llen(`${own.prefix}:rejected`)) === 3);
    const shown = await cli.run(["rejected", "list"], target);
    expect(shown.stdout).toContain("unknown-event-type");
    const { stdout } = await cli.run(["rejected", "list", "--json", "--limit", "2"], target);
    const page = JSON.parse(stdout) as { rejected: { id: string; raw: string }[] };
    expect(page.rejected.map(({ raw }) => (JSON.parse(raw) as { id: string }).id)).toEqual([
      "c",
      "b",
    ]);
    for (const { id } of page.rejected) expect(shown.stdout).toContain(id);
    await strict.stop();

    const open = await own.serve();
    const receiving = own.receiver();
    await register(open, { user_id: "u_1", url: receiving.url });
    const after = { FLUXHOOK_URL: open.url };
    const [c, b] = page.rejected.map(({ id }) => id);
    const one = await cli.run(["rejected", "requeue", c ?? "", "0123456789abcdef"], after);
    expect([one.exitCode, one.stdout]).toEqual([
      1,
      "requeued 1; 1 not: no longer stored, stored only in part, or from a list that FLUXHOOK_QUEUE lacks\n",
    ]);
    const limited = await cli.run(["rejected", "requeue", "--all", "--limit", "1"], after);
    expect(limited.stdout).toBe("requeued 1, 1 remain: run it again\n");
    const rest = await cli.run(["rejected", "requeue", b ?? "", "--json"], after);
    expect([rest.exitCode, rest.stdout]).toEqual([0, '{"requeued":1,"remaining":0}\n']);
    const ids = (await receiving.waitFor(3)).map(({ headers }) => headers.get("webhook-id"));
    expect(new Set(ids)).toEqual(new Set(["a", "b", "c"]));
    expect((await cli.run(["rejected", "list"], after)).stdout).toBe("nothing was rejected\n");
  });
});
