// `fluxhook tokens`: makes tokens of owners and of the dashboard; makes, lists and revokes API keys. Only create
// prints a token.
import { InvalidArgumentError, type Command } from "commander";
import { parseDuration } from "../wire/duration.ts";
import { printable } from "../wire/printable.ts";
import { ApiClient, pathSegment, queryOf } from "./terminal/api-client.ts";
import { details, print, table } from "./terminal/output.ts";
import {
  addOwnerOptions,
  type Exit,
  ownerFields,
  type OwnerOptions,
  withExamples,
} from "./terminal/usage.ts";

interface ApiKey {
  id: string;
  name: string;
  user_id?: string;
  org_id?: string;
  read_only: boolean;
  created_at: string;
  last_used_at: string | null;
}

interface Token {
  token: string;
  id: string;
  /** Null for an API key. */
  expires_at: string | null;
  portal_url: string | null;
}

interface Json {
  json?: boolean;
}

interface CreateOptions extends OwnerOptions, Json {
  dashboard?: boolean;
  name?: string;
  readOnly?: boolean;
  apiKeys?: boolean;
  /** Seconds. */
  expiresIn?: number | "never";
}

const ID = "key_3vJ8kQm2ZpXr6Tn0YbLcW9dA";
const COLUMNS = [
  { name: "id", isWhole: true },
  { name: "name" },
  { name: "owner" },
  { name: "may" },
  { name: "created", isWhole: true },
  { name: "last used", isWhole: true },
];

export function addTokens(program: Command, exit: Exit): void {
  const group = program
    .command("tokens")
    .description("tokens and API keys of owners, and tokens of the dashboard");
  withExamples(group, "fluxhook tokens list --user u_1");
  addList(group, exit);
  addCreate(group, exit);
  addRevoke(group, exit);
}

function addList(group: Command, exit: Exit): void {
  const list = addOwnerOptions(
    group
      .command("list")
      .description("list an owner's API keys, oldest first; tokens that expire are stored nowhere"),
    {
      user: "of this user; a scoped token implies its own owner",
      org: "of this organisation",
    },
  )
    .option("--json", "print the JSON of the API")
    .action(async (options: OwnerOptions & Json) => {
      const text = await ask("GET", queryOf(ownerFields(options)));
      print(options.json === true, text, () => {
        const { tokens } = JSON.parse(text) as { tokens: ApiKey[] };
        return tokens.length === 0 ? "there is no API key" : table(COLUMNS, tokens.map(row));
      });
      exit(0);
    });
  withExamples(list, "fluxhook tokens list --user u_1", "fluxhook tokens list --org o_1 --json");
}

function row(key: ApiKey) {
  return [
    key.id,
    key.name,
    key.user_id ?? key.org_id ?? "",
    key.read_only ? "read" : "read and change",
    key.created_at.slice(0, 19),
    key.last_used_at?.slice(0, 16) ?? "never",
  ];
}

function addCreate(group: Command, exit: Exit): void {
  const create = addOwnerOptions(
    group.command("create").description("create a token and print it; it is not shown again"),
    {
      user: "it reaches this user's webhooks, logs and deliveries",
      org: "it reaches this organisation's",
    },
  )
    .option(
      "--dashboard",
      "in place of an owner: a token of the dashboard, which reaches everything",
    )
    .option("--name <name>", "shown in lists and in the audit; an API key needs one")
    .option("--read-only", "whatever would change something is refused")
    .option("--api-keys", "it may make API keys of its owner")
    .option(
      "--expires-in <duration>",
      "such as 15m, 12h or 30d [1h; of the dashboard 12h]; never: an API key, which can be revoked",
      expiry,
    )
    .option("--json", "print the JSON of the API")
    .action(async (options: CreateOptions) => {
      const { dashboard, name, readOnly, apiKeys, expiresIn, json } = options;
      const body = JSON.stringify({
        ...ownerFields(options),
        dashboard,
        name,
        read_only: readOnly,
        api_keys: apiKeys,
        expires_in_s: expiresIn === "never" ? null : expiresIn,
      });
      const text = await ask("POST", "", body);
      print(json === true, text, () => {
        const made = JSON.parse(text) as Token;
        return details([
          ["token", made.token],
          ["id", made.id],
          ["expires", made.expires_at ?? "never; fluxhook tokens revoke ends it"],
          ...(made.portal_url === null ? [] : [["portal", made.portal_url] as const]),
        ]);
      });
      exit(0);
    });
  withExamples(
    create,
    "fluxhook tokens create --user u_1 --expires-in 15m",
    "fluxhook tokens create --org o_1 --name CI --expires-in never --read-only",
    "fluxhook tokens create --dashboard --name anna",
  );
}

function addRevoke(group: Command, exit: Exit): void {
  const revoke = group
    .command("revoke")
    .description("revoke an API key: every replica refuses it from then on")
    .argument("<id>", "the key's id, as `tokens list` prints it")
    .option("--json", "print the JSON of the API, which answers without any")
    .action(async (id: string, { json }: Json) => {
      await ask("DELETE", `/${pathSegment(id)}`);
      if (!json) console.log(`revoked ${printable(id)}`);
      exit(0);
    });
  withExamples(revoke, `fluxhook tokens revoke ${ID}`);
}

/** The API has the bounds. */
function expiry(text: string): number | "never" {
  if (text === "never") return text;
  const ms = parseDuration(text);
  if (ms !== null && ms >= 1_000 && ms % 1_000 === 0) return ms / 1_000;
  throw new InvalidArgumentError(
    "It must be whole seconds such as 30s, 15m, 12h or 30d, or never.",
  );
}

function ask(method: string, path: string, body?: string): Promise<string> {
  return ApiClient.ofEnvironment().text(method, `/v1/tokens${path}`, { body });
}
