// `fluxhook workflows`: create, list, change, run, rotate. A workflow is one JSON document, which `get` prints
// and `create`, `replace` and `check` read. Only create, rotate and secret print a secret.
import type { Command } from "commander";
import { printable, printableJson } from "../wire/printable.ts";
import type { Execution } from "../wire/workflow/execution.ts";
import { checkWorkflowSecret } from "../wire/workflow/trigger.ts";
import type { Workflow } from "../wire/workflow/workflow.ts";
import { ApiClient, pathSegment, queryOf, type AskOptions } from "./terminal/api-client.ts";
import { addSecretOptions, readInput, readSecret, type SecretOptions } from "./terminal/input.ts";
import { colors, details, print, table, type Cell } from "./terminal/output.ts";
import {
  addPageOptions,
  type Exit,
  morePages,
  type PageOptions,
  wholeNumber,
  withExamples,
} from "./terminal/usage.ts";

interface Json {
  json?: boolean;
}

interface Summary {
  id: string;
  name: string;
  enabled: boolean;
  scheme: string;
  mode: string;
  nodes: number;
  url: string;
}

const MAX_GRACE_HOURS = 168;
/** As long as the longest time-out of a response. */
const TEST_TIMEOUT_MS = 250_000;

export function addWorkflows(program: Command, exit: Exit): void {
  const group = program
    .command("workflows")
    .description("what signed requests to /api/webhooks/<id> start");
  withExamples(group, "fluxhook workflows create workflow.json");
  addList(group, exit);
  addOfDocument(group, exit);
  addOfOne(group, exit);
  addRotate(group, exit);
  addTest(group, exit);
}

function addList(group: Command, exit: Exit): void {
  const list = addPageOptions(group.command("list").description("list them by their ids"))
    .option("--json", "print the JSON of the API")
    .action(async ({ limit, cursor, json }: PageOptions & Json) => {
      const text = await ask("GET", queryOf({ limit, cursor }));
      print(json === true, text, () => {
        const page = JSON.parse(text) as { workflows: Summary[]; next_cursor: string | null };
        if (page.workflows.length === 0) return "there is no workflow";
        return workflowTable(page.workflows) + morePages(page);
      });
      exit(0);
    });
  withExamples(list, "fluxhook workflows list", "fluxhook workflows list --json");
}

function workflowTable(workflows: readonly Summary[]): string {
  const columns = [
    { name: "id", isWhole: true },
    { name: "name" },
    { name: "state" },
    { name: "scheme" },
    { name: "answers" },
    { name: "nodes" },
  ];
  return table(
    columns,
    workflows.map(({ id, name, enabled, scheme, mode, nodes }) => [
      id,
      name,
      stateOf(enabled),
      scheme,
      mode,
      String(nodes),
    ]),
  );
}

function stateOf(enabled: boolean): Cell {
  return enabled
    ? { text: "enabled", paint: colors.green }
    : { text: "disabled", paint: colors.yellow };
}

/** The commands that read a document from a file. */
function addOfDocument(group: Command, exit: Exit): void {
  const file = "the workflow as JSON; - reads standard input";
  const create = group
    .command("create")
    .description("create a workflow and print its URL and its secret")
    .argument("<file>", file)
    .option("--json", "print the JSON of the API")
    .action(async (path: string, { json }: Json, command: Command) => {
      const text = await ask("POST", "", { body: await documentIn(path, command) });
      print(json === true, text, () => {
        const made = JSON.parse(text) as Workflow & { secret: string };
        return details([
          ["id", made.id],
          ["url", made.url],
          ["secret", made.secret],
        ]);
      });
      exit(0);
    });
  withExamples(create, "fluxhook workflows create workflow.json");
  const replace = group
    .command("replace")
    .description("replace the document of a workflow; executions under way keep the old one")
    .argument("<id>", "the workflow's id")
    .argument("<file>", file)
    .option("--json", "print the JSON of the API")
    .action(async (id: string, path: string, { json }: Json, command: Command) => {
      const text = await ask("PUT", at(id), { body: await documentIn(path, command) });
      print(json === true, text, () => {
        const { revision } = JSON.parse(text) as Workflow;
        return `replaced ${printable(id)}; its revision is ${revision}`;
      });
      exit(0);
    });
  withExamples(replace, "fluxhook workflows replace orders workflow.json");
  const check = group
    .command("check")
    .description("print what is wrong with a document; exit code 0 if it can be saved")
    .argument("<file>", file)
    .option("--json", "print the JSON of the API")
    .action(async (path: string, { json }: Json, command: Command) => {
      const text = await ask("POST", "/check", { body: await documentIn(path, command) });
      const { errors } = JSON.parse(text) as { errors: { field: string; message: string }[] };
      print(json === true, text, () =>
        errors.length === 0
          ? "it can be saved"
          : errors.map(({ field, message }) => printable(`${field}: ${message}`)).join("\n"),
      );
      exit(errors.length === 0 ? 0 : 1);
    });
  withExamples(check, "fluxhook workflows check workflow.json");
}

/** The commands whose only argument is the id of a workflow. */
function addOfOne(group: Command, exit: Exit): void {
  const one = (name: string, description: string) =>
    withExamples(
      group
        .command(name)
        .description(description)
        .argument("<id>", "the workflow's id")
        .option("--json", "print the JSON of the API"),
      `fluxhook workflows ${name} orders`,
    );
  one("get", "print its document, without its secret").action(
    async (id: string, { json }: Json) => {
      const text = await ask("GET", at(id));
      // Not parsed and written again: its numbers stay as they are.
      print(json === true, text, () => printableJson(text));
      exit(0);
    },
  );
  one("secret", "print its secret").action(async (id: string, { json }: Json) => {
    const text = await ask("GET", `${at(id)}/secret`);
    print(json === true, text, () => (JSON.parse(text) as { secret: string }).secret);
    exit(0);
  });
  one("delete", "delete it; its executions that are under way go on").action(
    async (id: string, { json }: Json) => {
      await ask("DELETE", at(id));
      // The API answers 204, without a document.
      if (!json) console.log(`deleted ${printable(id)}`);
      exit(0);
    },
  );
  for (const [name, description] of [
    ["enable", "enable it; signed requests start it again"],
    ["disable", "disable it; signed requests are answered 409"],
  ] as const) {
    one(name, description).action(async (id: string, { json }: Json) => {
      const text = await ask("POST", `${at(id)}/${name}`);
      print(json === true, text, () => `${name}d ${printable(id)}`);
      exit(0);
    });
  }
}

function addRotate(group: Command, exit: Exit): void {
  const rotate = group
    .command("rotate")
    .description("replace its secret and print the new one; both are accepted for a while")
    .argument("<id>", "the workflow's id")
    .option(
      "--grace-hours <n>",
      "how long the previous secret is still accepted [24]; 0: not at all",
      wholeNumber(0, MAX_GRACE_HOURS),
    )
    .option("--json", "print the JSON of the API");
  addSecretOptions(rotate, "your own secret in place of a new one").action(
    async (
      id: string,
      options: SecretOptions & Json & { graceHours?: number },
      command: Command,
    ) => {
      const secret = await readSecret(options, command, checkWorkflowSecret);
      const fields = { grace_hours: options.graceHours, ...(secret === null ? {} : { secret }) };
      const body = JSON.stringify(fields);
      const text = await ask("POST", `${at(id)}/rotate-secret`, { body });
      print(options.json === true, text, () => {
        const made = JSON.parse(text) as { secret: string; previous_expires_at: string | null };
        const until = made.previous_expires_at;
        return details([
          ["secret", made.secret],
          ["previous one", until === null ? "ended" : `until ${until}`],
        ]);
      });
      exit(0);
    },
  );
  withExamples(rotate, "fluxhook workflows rotate orders --grace-hours 48");
}

function addTest(group: Command, exit: Exit): void {
  const test = group
    .command("test")
    .description(
      "run it now, without a signature, with all its effects; exit code 0 if it finishes",
    )
    .argument("<id>", "the workflow's id")
    .option("--data <file>", "JSON in place of the request's body; - reads standard input")
    .option("--json", "print the JSON of the API")
    .action(async (id: string, options: Json & { data?: string }, command: Command) => {
      const data = options.data === undefined ? "{}" : await documentIn(options.data, command);
      const text = await ask("POST", `${at(id)}/test`, {
        body: `{"data":${data}}`,
        timeoutMs: TEST_TIMEOUT_MS,
      });
      const execution = JSON.parse(text) as Execution;
      print(options.json === true, text, () => executionText(execution));
      exit(execution.state === "finished" ? 0 : 1);
    });
  withExamples(test, "fluxhook workflows test orders --data order.json");
}

function executionText({ id, state, error, nodes }: Execution): string {
  const head = details([
    ["execution", id],
    ["state", state],
    ...(error === null ? [] : [["error", error.message] as const]),
  ]);
  const rows = nodes.map((node): Cell[] => [
    node.id,
    node.state,
    node.error?.message ?? JSON.stringify(node.output) ?? "",
  ]);
  return `${head}\n\n${table([{ name: "node", isWhole: true }, { name: "state" }, { name: "gave" }], rows)}`;
}

/** Only its UTF-8 and its JSON are checked here; its text is sent as it is. */
async function documentIn(path: string, command: Command): Promise<string> {
  const text = new TextDecoder().decode(await readInput(path, "<file>", command));
  try {
    JSON.parse(text);
  } catch {
    return command.error(`error: ${path}: it is not JSON`);
  }
  return text;
}

function at(id: string): string {
  return `/${pathSegment(id)}`;
}

function ask(method: string, path: string, options?: AskOptions): Promise<string> {
  return ApiClient.ofEnvironment().text(method, `/v1/workflows${path}`, options);
}
