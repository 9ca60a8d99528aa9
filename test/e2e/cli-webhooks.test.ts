// `fluxhook webhooks` on a real service: what it prints for people, and with --json.
import { describe, expect, test } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import type { Webhook } from "../../src/wire/webhook.ts";
import { CLI_SECRET } from "../support/cli-scene.ts";
import { useCliScene } from "../support/use-scene.ts";

const words = (line: string) => line.split(" ");

const cli = useCliScene();

describe("fluxhook webhooks", () => {
  test("create prints the webhook with its secret, and none of its credentials", async () => {
    const user = cli.newOwner();
    const url = "https://anna:canary@example.com/hooks?token=canary";
    const create = ["webhooks", "create", url, "--user", user, "--header", "X-Token: canary"];
    const text = await cli.done(...create, "--events", "file.*,org.updated", "--timeout", "5s");
    expect(text).toMatch(/^secret +whsec_[A-Za-z0-9+/]{43}=$/m);
    expect(text).toMatch(/^url +https:\/\/example\.com\/hooks$/m);
    expect(text).toMatch(/^headers +X-Token$/m);
    expect(text).toMatch(/^events +file\.\*, org\.updated$/m);
    expect(text).toMatch(/^time-out +5000 ms$/m);
    expect(text).not.toContain("canary");
  });

  test("create --json prints the API's response, with every option applied", async () => {
    const made = await cli.json<Webhook & { secret: string }>(
      ...words(`webhooks create ${cli.receiver.url}/all --org o_all --dialect flux --disabled`),
      ...words("--events a.b --events c.d,e.* --retry-schedule 0s,2m --disable-after 7"),
      ...words("--header X-A:1 --secret-env WEBHOOK_SECRET"),
      "--header",
      "X-B: 2: 3",
      "--description",
      "all of it",
      "--filter",
      "event.data.amount > 1000",
    );
    expect(made).toMatchObject({
      org_id: "o_all",
      dialect: "flux",
      description: "all of it",
      filter: "event.data.amount > 1000",
      headers: { "X-A": "1", "X-B": "2: 3" },
      events: ["a.b", "c.d", "e.*"],
      retry_schedule: ["0s", "2m"],
      disable_rule: { consecutive_failures: 7 },
      enabled: false,
      secret: CLI_SECRET,
    });
    const { secret: _, ...shown } = made;
    expect(await cli.json<unknown>("webhooks", "get", made.id)).toEqual(shown);
  });

  test("list prints a table that fits the terminal, or the API's JSON, page by page", async () => {
    const user = cli.newOwner();
    const made = [await cli.webhookOf(user, `/${user}/1`), await cli.webhookOf(user, `/${user}/2`)];
    const { stdout } = await cli.run(["webhooks", "list", "--user", user], { COLUMNS: "90" });
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(90);
    for (const { id } of made) expect(stdout).toContain(id);
    const { body } = await cli.service.api("GET", `/v1/webhooks?user_id=${user}`);
    expect(await cli.json<unknown>("webhooks", "list", "--user", user)).toEqual(body);
    const first = await cli.done("webhooks", "list", "--user", user, "--limit", "1");
    const [, cursor = ""] = /^more: --cursor (\S+)$/m.exec(first) ?? [];
    const second = await cli.done("webhooks", "list", "--user", user, "--cursor", cursor);
    expect(second).toContain(made[1]?.id ?? "?");
    expect(second).not.toContain("more:");
    expect(await cli.done("webhooks", "list", "--user", cli.newOwner())).toBe(
      "no webhook is registered\n",
    );
  });

  test("list without an owner prints those of all owners, narrowed by state", async () => {
    const one = await cli.webhookOf(cli.newOwner());
    const two = await cli.webhookOf(cli.newOwner());
    await cli.done("webhooks", "disable", two.id);
    const all = await cli.done("webhooks", "list", "--limit", "100");
    expect([one.id, two.id].map((id) => all.includes(id))).toEqual([true, true]);
    const disabled = await cli.done("webhooks", "list", "--state", "disabled");
    expect([one.id, two.id].map((id) => disabled.includes(id))).toEqual([false, true]);
  });

  test("update, disable, enable and get print the webhook's new state", async () => {
    const { id } = await cli.webhookOf(cli.newOwner());
    const changed = await cli.json<Webhook>(
      ...words(`webhooks update ${id} --events a.* --never-disable --description new`),
    );
    expect(changed).toMatchObject({ events: ["a.*"], disable_rule: null, description: "new" });
    const filtered = await cli.json<Webhook>(
      "webhooks",
      "update",
      id,
      "--filter",
      "event.data.paid",
    );
    expect(filtered.filter).toBe("event.data.paid");
    expect(await cli.done("webhooks", "get", id)).toMatch(/^filter +event\.data\.paid$/m);
    const unfiltered = await cli.json<Webhook>("webhooks", "update", id, "--no-filter");
    expect(unfiltered.filter).toBeNull();
    const failing = await cli.json<Webhook>(
      "webhooks",
      "update",
      id,
      "--disable-failing-for",
      "2d",
    );
    expect(failing.disable_rule).toEqual({ failing_for: "2d" });
    expect(await cli.done("webhooks", "disable", id)).toMatch(/^state +disabled \(manual\)$/m);
    expect(await cli.done("webhooks", "enable", id)).toMatch(/^state +enabled$/m);
    expect(await cli.json<Webhook>("webhooks", "disable", id)).toMatchObject({ enabled: false });
    expect(await cli.json<Webhook>("webhooks", "enable", id)).toMatchObject({ enabled: true });
    const text = await cli.done("webhooks", "get", id);
    expect(text).toMatch(/^events +a\.\*$/m);
    expect(text).not.toContain(CLI_SECRET);
  });

  test("rotate prints the new secret and until when the old one signs; secret prints it again", async () => {
    const { id } = await cli.webhookOf(cli.newOwner());
    const text = await cli.done("webhooks", "rotate", id);
    const [, made = ""] = /^secret +(whsec_\S+)$/m.exec(text) ?? [];
    expect(text).toMatch(/^previous one +until 20\d\d-\S+Z$/m);
    expect(await cli.done("webhooks", "secret", id)).toBe(`${made}\n`);
    const own = ["webhooks", "rotate", id, "--grace-hours", "0", "--secret-stdin", "--json"];
    const rotated = await cli.run(own, {}, "a-secret-of-my-own\n");
    expect(JSON.parse(rotated.stdout)).toEqual({
      secret: "a-secret-of-my-own",
      previous_expires_at: null,
    });
    expect(await cli.json<unknown>("webhooks", "secret", id)).toEqual({
      secret: "a-secret-of-my-own",
    });
  });

  test("test prints the attempt, and exits with 1 if it was not delivered", async () => {
    const user = cli.newOwner();
    const good = await cli.webhookOf(user, "/good?token=hidden");
    const dead = await cli.webhookOf(user, "/dead");
    const text = await cli.done("webhooks", "test", good.id);
    expect(text).toMatch(/^outcome +delivered$/m);
    expect(text).not.toContain("hidden");
    const failed = await cli.run(["webhooks", "test", dead.id]);
    expect([failed.exitCode, failed.stderr]).toEqual([1, ""]);
    expect(failed.stdout).toMatch(/^outcome +parked \(http-500\)$/m);
    const { attempt } = await cli.json<{ attempt: LogEntry }>("webhooks", "test", good.id);
    expect((await cli.scene.logOf(user))[0]).toEqual(attempt);
  });

  test("delete deletes the webhook and prints no JSON, because the API returns none", async () => {
    const user = cli.newOwner();
    const [one, other] = [await cli.webhookOf(user, "/1"), await cli.webhookOf(user, "/2")];
    expect(await cli.done("webhooks", "delete", one.id)).toBe(`deleted ${one.id}\n`);
    expect(await cli.done("webhooks", "delete", other.id, "--json")).toBe("");
    expect((await cli.run(["webhooks", "delete", one.id])).exitCode).toBe(1);
  });
});
