// The types of nodes in words.
import type { NodeType } from "../../../wire/workflow/node.ts";

export const NODE_TITLES: Readonly<Record<NodeType, string>> = {
  set: "Set a value",
  http: "HTTP request",
  event: "Event to webhooks",
  task: "Task for your code",
  if: "If",
};
