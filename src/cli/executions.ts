// `fluxhook executions`: lists, shows, retries and cancels executions of workflows.
import type { Command } from "commander";
import { printable } from "../wire/printable.ts";
import type { Execution, ExecutionSummary } from "../wire/workflow/execution.ts";
import { EXECUTION_STATES } from "../wire/workflow/execution.ts";
import { ApiClient, pathSegment, queryOf } from "./terminal/api-client.ts";
import { colors, details, print, table, type Cell } from "./terminal/output.ts";
import {
  addPageOptions,
  type Exit,
  morePages,
  type PageOptions,
  validated,
  withExamples,
} from "./terminal/usage.ts";

interface ListOptions extends PageOptions {
  workflow?: string;
  state?: string;
  json?: boolean;
}

const EXAMPLE_ID = "exec-k5rmw2vq7x3nbd6ycjz4ohtfa2";
const COLUMNS = [
  { name: "id", isWhole: true },
  { name: "workflow" },
  { name: "state", isWhole: true },
  { name: "accepted at", isWhole: true },
  { name: "error" },
];
const NODE_COLUMNS = [
  { name: "node" },
  { name: "type", isWhole: true },
  { name: "state", isWhole: true },
  { name: "attempts", isWhole: true },
  { name: "ms", isWhole: true },
  { name: "error" },
];

export function addExecutions(program: Command, exit: Exit): void {
  const group = program.command("executions").description("what workflows have run, and run now");
  withExamples(group, "fluxhook executions list --state failed");

  const listing = addPageOptions(
    group
      .command("list")
      .description("list them, newest first")
      .option("--workflow <id>", "only of this workflow")
      .option(
        "--state <state>",
        `only in this state: ${EXECUTION_STATES.join(", ")}`,
        validated(isState, `one of ${EXECUTION_STATES.join(", ")}`),
      ),
  )
    .option("--json", "print the JSON of the API")
    .action(async (options: ListOptions) => exit(await list(options)));
  withExamples(
    listing,
    "fluxhook executions list --workflow orders",
    "fluxhook executions list --state failed --limit 20",
  );

  const getting = group
    .command("get")
    .description("one, node by node")
    .argument("<id>", "the execution's id")
    .option("--json", "print the JSON of the API, with data and outputs")
    .action(async (id: string, { json }: { json?: boolean }) => exit(await get(id, json === true)));
  withExamples(getting, `fluxhook executions get ${EXAMPLE_ID}`);

  for (const [verb, description] of [
    ["retry", "run a failed or cancelled one again, from the node that failed"],
    ["cancel", "cancel one that has not ended; no further node of it begins"],
  ] as const) {
    const changing = group
      .command(verb)
      .description(description)
      .argument("<id>", "the execution's id")
      .option("--json", "print the JSON of the API")
      .action(async (id: string, { json }: { json?: boolean }) => {
        exit(await change(verb, id, json === true));
      });
    withExamples(changing, `fluxhook executions ${verb} ${EXAMPLE_ID}`);
  }
}

function isState(text: string): boolean {
  return EXECUTION_STATES.some((state) => state === text);
}

async function list({ workflow, state, limit, cursor, json }: ListOptions): Promise<number> {
  const query = queryOf({ workflow_id: workflow, state, limit, cursor });
  const text = await ApiClient.ofEnvironment().text("GET", `/v1/executions${query}`);
  print(json === true, text, () => {
    const page = JSON.parse(text) as {
      executions: ExecutionSummary[];
      next_cursor: string | null;
    };
    if (page.executions.length === 0 && page.next_cursor === null) return "there is no execution";
    const rows = page.executions.map((execution) => [
      execution.id,
      execution.workflow_id,
      stateOf(execution.state),
      execution.accepted_at,
      errorOf(execution),
    ]);
    return table(COLUMNS, rows) + morePages(page);
  });
  return 0;
}

async function get(id: string, isJson: boolean): Promise<number> {
  const text = await ApiClient.ofEnvironment().text("GET", `/v1/executions/${pathSegment(id)}`);
  print(isJson, text, () => {
    const execution = JSON.parse(text) as Execution;
    const rows = execution.nodes.map((node) => [
      node.id,
      node.type,
      stateOf(node.state),
      String(node.attempts),
      node.duration_ms === null ? "" : String(node.duration_ms),
      node.error === null ? "" : printable(`${node.error.code}: ${node.error.message}`),
    ]);
    const facts = details([
      ["id", execution.id],
      ["workflow", `${execution.workflow_id}, revision ${execution.revision}`],
      ["state", stateOf(execution.state)],
      ["accepted at", execution.accepted_at],
      ["ended at", execution.ended_at ?? ""],
      ["error", errorOf(execution)],
    ]);
    return `${facts}\n\n${table(NODE_COLUMNS, rows)}`;
  });
  return 0;
}

async function change(verb: "retry" | "cancel", id: string, isJson: boolean): Promise<number> {
  const path = `/v1/executions/${pathSegment(id)}/${verb}`;
  const text = await ApiClient.ofEnvironment().text("POST", path);
  print(isJson, text, () => {
    const { state } = JSON.parse(text) as { state: string };
    return `${printable(id)} is ${state}`;
  });
  return 0;
}

function stateOf(state: string): Cell {
  if (state === "failed") return { text: state, paint: colors.red };
  return state === "finished" ? { text: state, paint: colors.green } : state;
}

function errorOf({ error }: ExecutionSummary): string {
  if (error === null) return "";
  const where = error.node_id === null ? "" : `${error.node_id}: `;
  return printable(`${where}${error.code}: ${error.message}`);
}
