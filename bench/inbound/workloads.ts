// What the benchmark posts, and the workflows that it posts to.
import { createHmac } from "node:crypto";

export const SECRET = "a-secret-of-the-bench";

const BODY = JSON.stringify({
  event: "order_created",
  order_id: "12345",
  customer: { name: "Ada", email: "ada@example.com" },
  lines: [
    { sku: "A", qty: 2 },
    { sku: "B", qty: 5 },
  ],
});

const SETS = [
  { id: "first", type: "set", value: { order: "{{trigger.data.order_id}}" } },
  { id: "second", type: "set", value: "Hello {{trigger.data.customer.name}}" },
];

export interface Workload {
  id: string;
  title: string;
  mode: "minimal" | "lastNode";
  nodes: readonly object[];
}

/** `receiver` answers the `http` nodes. */
export function workloads(receiver: string): Workload[] {
  const http = (id: string) => ({ id, type: "http", method: "POST", url: receiver, body: {} });
  return [
    { id: "sets", title: "minimal, two set nodes", mode: "minimal", nodes: SETS },
    { id: "last", title: "lastNode, two set nodes", mode: "lastNode", nodes: SETS },
    {
      id: "http",
      title: "minimal, a set and an http node",
      mode: "minimal",
      nodes: [...SETS.slice(0, 1), http("send")],
    },
    {
      id: "http5",
      title: "minimal, five http nodes",
      mode: "minimal",
      nodes: ["a", "b", "c", "d", "e"].map(http),
    },
  ];
}

/** An HTTP/1.1 request to a workflow, signed. */
export function requestTo(id: string): string {
  const signature = createHmac("sha256", SECRET).update(BODY).digest("hex");
  return (
    `POST /api/webhooks/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
    `X-Webhook-Signature: ${signature}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
  );
}
