// `fluxhook webhooks`: register, list, change, enable, disable, rotate, test. Only create, rotate and
// secret print a secret.
import { Option, type Command } from "commander";
import { MAX_TIMEOUT_MS, type Webhook } from "../../wire/webhook.ts";
import type { LogEntry } from "../../wire/log-entry.ts";
import { printable } from "../../wire/printable.ts";
import { ApiClient, pathSegment, queryOf, type AskOptions } from "../terminal/api-client.ts";
import { addSecretOptions, readSecret, type SecretOptions } from "../terminal/input.ts";
import { logLine, outcome } from "../terminal/log-table.ts";
import { details, print } from "../terminal/output.ts";
import {
  addOwnerOptions,
  addPageOptions,
  type Exit,
  morePages,
  ownerFields,
  type OwnerOptions,
  type PageOptions,
  wholeNumber,
  withExamples,
} from "../terminal/usage.ts";
import { addWebhookOptions, webhookFields, type WebhookOptions } from "./input.ts";
import { webhookDetails, webhookTable } from "./view.ts";

interface Json {
  json?: boolean;
}

const ID = "wh_3vJ8kQm2ZpXr6Tn0YbLcW9dA";
const MAX_GRACE_HOURS = 168;
const TEST_TIMEOUT_MS = MAX_TIMEOUT_MS + 10_000;

export function addWebhooks(program: Command, exit: Exit): void {
  const group = program.command("webhooks").description("the registered webhooks");
  withExamples(group, "fluxhook webhooks list --user u_1");
  addList(group, exit);
  addCreate(group, exit);
  addOfOne(group, exit);
  addUpdate(group, exit);
  addRotate(group, exit);
}

function addList(group: Command, exit: Exit): void {
  const list = addOwnerOptions(
    group.command("list").description("list them, of an owner or of all"),
    {
      user: "only this user's, oldest first; a scoped token implies its own owner",
      org: "only this organisation's",
    },
  );
  addPageOptions(list)
    .addOption(
      new Option(
        "--state <state>",
        "only those in this state; failing: the last attempt failed",
      ).choices(["disabled", "failing"]),
    )
    .option("--json", "print the JSON of the API")
    .action(async (options: OwnerOptions & PageOptions & Json & { state?: string }) => {
      const { limit, cursor, state } = options;
      const text = await ask("GET", queryOf({ ...ownerFields(options), state, limit, cursor }));
      print(options.json === true, text, () => {
        const page = JSON.parse(text) as { webhooks: Webhook[]; next_cursor: string | null };
        if (page.webhooks.length === 0 && page.next_cursor === null) {
          return state === undefined ? "no webhook is registered" : `no webhook is ${state}`;
        }
        return webhookTable(page.webhooks) + morePages(page);
      });
      exit(0);
    });
  withExamples(
    list,
    "fluxhook webhooks list --user u_1",
    "fluxhook webhooks list --org o_1 --json",
    "fluxhook webhooks list --state failing",
  );
}

function addCreate(group: Command, exit: Exit): void {
  const create = addOwnerOptions(
    group
      .command("create")
      .description("register a webhook and print its secret")
      .argument("<url>", "the address of the receiver, such as https://example.com/hooks"),
    { user: "the user who owns it", org: "the organisation that owns it" },
  );
  addWebhookOptions(create)
    .option("--disabled", "create it disabled")
    .option("--json", "print the JSON of the API");
  addSecretOptions(create, "your own secret in place of a new one").action(
    async (
      url: string,
      options: OwnerOptions & WebhookOptions & SecretOptions & Json & { disabled?: boolean },
      command: Command,
    ) => {
      const secret = await readSecret(options, command);
      const body = JSON.stringify({
        ...ownerFields(options),
        url,
        ...webhookFields(options, command),
        ...(options.disabled ? { enabled: false } : {}),
        ...(secret === null ? {} : { secret }),
      });
      const text = await ask("POST", "", { body });
      print(options.json === true, text, () => {
        const made = JSON.parse(text) as Webhook & { secret: string };
        return webhookDetails(made, made.secret);
      });
      exit(0);
    },
  );
  withExamples(
    create,
    "fluxhook webhooks create https://example.com/hooks --user u_1",
    "fluxhook webhooks create https://example.com/hooks --org o_1 --events 'file.*' --dialect flux",
  );
}

/** The commands whose only argument is the id of a webhook. */
function addOfOne(group: Command, exit: Exit): void {
  const showWebhook = (text: string) => webhookDetails(JSON.parse(text) as Webhook);
  const one = (name: string, description: string) =>
    withExamples(
      group
        .command(name)
        .description(description)
        .argument("<id>", "the webhook's id")
        .option("--json", "print the JSON of the API"),
      `fluxhook webhooks ${name} ${ID}`,
    );
  one("get", "show a webhook without its secret").action(async (id: string, { json }: Json) => {
    const text = await ask("GET", at(id));
    print(json === true, text, () => showWebhook(text));
    exit(0);
  });
  one("failures", "list its last failed attempts").action(async (id: string, { json }: Json) => {
    const text = await ask("GET", `${at(id)}/failures`);
    print(json === true, text, () => {
      const { failures } = JSON.parse(text) as { failures: { attempt: LogEntry }[] };
      if (failures.length === 0) return "no failed attempt is kept";
      return failures.map(({ attempt }) => logLine(attempt)).join("\n");
    });
    exit(0);
  });

  one("secret", "print its secret").action(async (id: string, { json }: Json) => {
    const text = await ask("GET", `${at(id)}/secret`);
    print(json === true, text, () => (JSON.parse(text) as { secret: string }).secret);
    exit(0);
  });
  one("delete", "delete it; its waiting deliveries end").action(
    async (id: string, { json }: Json) => {
      await ask("DELETE", at(id));
      // The API answers 204, without a document.
      if (!json) console.log(`deleted ${printable(id)}`);
      exit(0);
    },
  );
  for (const [name, description] of [
    ["enable", "enable it and clear its health"],
    ["disable", "disable it; its deliveries are parked"],
  ] as const) {
    one(name, description).action(async (id: string, { json }: Json) => {
      const text = await ask("POST", `${at(id)}/${name}`);
      print(json === true, text, () => showWebhook(text));
      exit(0);
    });
  }
  const test = one("test", "send one event now; exit code 0 if it is delivered");
  test
    .option("--event <type>", "send the sample of this event type [webhook.test]")
    .action(async (id: string, { event, json }: Json & { event?: string }) => {
      const text = await ask("POST", `${at(id)}/test`, {
        body: JSON.stringify({ event }),
        timeoutMs: TEST_TIMEOUT_MS,
      });
      const { attempt } = JSON.parse(text) as { attempt: LogEntry };
      print(json === true, text, () =>
        details([
          ["outcome", outcome(attempt)],
          ["status", String(attempt.status_code ?? "–")],
          ["took", `${attempt.duration_ms} ms`],
          ["endpoint", attempt.endpoint],
          ["event id", attempt.id],
          ["delivery", attempt.delivery_id],
        ]),
      );
      exit(attempt.outcome === "delivered" ? 0 : 1);
    });
}

function addUpdate(group: Command, exit: Exit): void {
  const update = group
    .command("update")
    .description("change the given fields")
    .argument("<id>", "the webhook's id")
    .option("--url <url>", "the address of the receiver");
  addWebhookOptions(update)
    .option("--json", "print the JSON of the API")
    .action(
      async (id: string, options: WebhookOptions & Json & { url?: string }, command: Command) => {
        const { url } = options;
        const fields = {
          ...(url === undefined ? {} : { url }),
          ...webhookFields(options, command),
        };
        if (Object.keys(fields).length === 0) {
          command.error(
            "error: nothing to change: give an option such as --url, --events or --timeout",
          );
        }
        const text = await ask("PATCH", at(id), { body: JSON.stringify(fields) });
        print(options.json === true, text, () => webhookDetails(JSON.parse(text) as Webhook));
        exit(0);
      },
    );
  withExamples(
    update,
    `fluxhook webhooks update ${ID} --events 'file.*,org.updated'`,
    `fluxhook webhooks update ${ID} --timeout 5s --retry-schedule 0s,1m,1h`,
  );
}

function addRotate(group: Command, exit: Exit): void {
  const rotate = group
    .command("rotate")
    .description("replace its secret and print the new one; both sign during the grace period")
    .argument("<id>", "the webhook's id")
    .option(
      "--grace-hours <n>",
      "grace period in which the previous secret still signs [24]; 0: none",
      wholeNumber(0, MAX_GRACE_HOURS),
    )
    .option("--json", "print the JSON of the API");
  addSecretOptions(rotate, "your own secret in place of a new one").action(
    async (
      id: string,
      options: SecretOptions & Json & { graceHours?: number },
      command: Command,
    ) => {
      const secret = await readSecret(options, command);
      const body = JSON.stringify({
        grace_hours: options.graceHours,
        ...(secret === null ? {} : { secret }),
      });
      const text = await ask("POST", `${at(id)}/rotate-secret`, { body });
      print(options.json === true, text, () => {
        const made = JSON.parse(text) as { secret: string; previous_expires_at: string | null };
        return details([
          ["secret", made.secret],
          [
            "previous one",
            made.previous_expires_at ? `until ${made.previous_expires_at}` : "ended",
          ],
        ]);
      });
      exit(0);
    },
  );
  withExamples(rotate, `fluxhook webhooks rotate ${ID} --grace-hours 48`);
}

function at(id: string): string {
  return `/${pathSegment(id)}`;
}

function ask(method: string, path: string, options?: AskOptions): Promise<string> {
  return ApiClient.ofEnvironment().text(method, `/v1/webhooks${path}`, options);
}
