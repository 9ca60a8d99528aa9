// The output of `fluxhook listen`: a line for each request and each change of the connection, and on a
// terminal a status line at the bottom. With --json, one object for each.
import type { ListenRequest, ListenSession } from "../../wire/tunnel.ts";
import { printable, printableJson } from "../../wire/printable.ts";
import { colors } from "../terminal/output.ts";
import type { Forwarded } from "./forward.ts";

export type Connection = "connected" | "reconnecting" | "down";

export interface ScreenOptions {
  isJson: boolean;
  withSecret: boolean;
  forwardTo: URL;
  hasKeys: boolean;
}

const PAINT: Record<Connection, (text: string) => string> = {
  connected: colors.green,
  reconnecting: colors.yellow,
  down: colors.red,
};
const LONGEST_NAME = 60;

export class Screen {
  private connection: Connection = "reconnecting";
  private readonly hasStatusLine: boolean;

  constructor(private readonly options: ScreenOptions) {
    this.hasStatusLine = !options.isJson && process.stdout.isTTY;
  }

  session({ url, webhook_id, secret }: ListenSession, isFirst: boolean): void {
    const { isJson, withSecret, forwardTo } = this.options;
    if (isJson) {
      const shown = { type: "session", url, forward_to: forwardTo.href, webhook_id };
      this.json(withSecret ? { ...shown, secret } : shown);
      return;
    }
    if (!isFirst)
      this.line(colors.yellow("the session had ended on the server; this is a new one"));
    const fields: [string, string][] = [
      ["url", colors.bold(printable(url))],
      ["forwards to", printable(forwardTo.href)],
      [
        "webhook",
        webhook_id === null
          ? "none: name an owner by --user or --org to get deliveries too"
          : printable(webhook_id),
      ],
    ];
    if (withSecret)
      fields.push(["secret", secret === null ? "none: there is no webhook" : printable(secret)]);
    for (const [name, value] of fields) this.line(`${name.padEnd(12)}${value}`);
  }

  request(
    request: ListenRequest,
    { answer, problem, durationMs }: Forwarded,
    isAgain: boolean,
  ): void {
    const at = new Date();
    const event = eventOf(request);
    const ms = Math.round(durationMs);
    const { id, source, method, path } = request;
    const { status } = answer;
    if (this.options.isJson) {
      const shown = {
        type: "request",
        at: at.toISOString(),
        id,
        source,
        method,
        path,
        event,
        status,
      };
      this.json({ ...shown, duration_ms: ms, problem, again: isAgain });
      return;
    }
    const name = printable(event ?? `${method} ${path || "/"}`).slice(0, LONGEST_NAME);
    const paint = status < 300 ? colors.green : status < 400 ? colors.yellow : colors.red;
    const words = [
      at.toTimeString().slice(0, 8),
      name.padEnd(22),
      `-> ${paint(String(status))}`,
      `${ms} ms`,
      ...(isAgain ? [colors.dim("again")] : []),
      ...(problem === null ? [] : [colors.red(printable(problem))]),
    ];
    this.line(words.join("  "));
  }

  /** Prints only changes. */
  is(connection: Connection, reason: string | null = null): void {
    if (connection === this.connection) return;
    this.connection = connection;
    if (this.options.isJson) this.json({ type: "connection", state: connection, reason });
    else {
      const why = reason === null ? "" : `: ${printable(reason)}`;
      this.line(`${new Date().toTimeString().slice(0, 8)}  ${PAINT[connection](connection)}${why}`);
    }
  }

  expired(count: number): void {
    if (this.options.isJson) this.json({ type: "expired", count });
    else {
      const those = count === 1 ? "1 request has" : `${count} requests have`;
      this.line(colors.red(`${those} waited for longer than a minute and were dropped`));
    }
  }

  note(text: string): void {
    if (this.options.isJson) this.json({ type: "note", text });
    else this.line(colors.dim(printable(text)));
  }

  end(): void {
    if (this.hasStatusLine) process.stdout.write(CLEAR);
  }

  // With console.log: process.exit loses what process.stdout has buffered.
  private line(text: string): void {
    console.log(this.hasStatusLine ? `${CLEAR}${text}` : text);
    if (this.hasStatusLine) process.stdout.write(this.status());
  }

  private status(): string {
    const keys = this.options.hasKeys ? "  r resends the last request," : " ";
    const text = `● ${this.connection}${keys} Ctrl-C ends`;
    return PAINT[this.connection](text.slice(0, (process.stdout.columns || 80) - 1));
  }

  private json(value: object): void {
    console.log(printableJson(JSON.stringify(value)));
  }
}

/** Moves to the start of the line and erases it (ECMA-48, EL). */
const CLEAR = "\r\u001b[2K";

/** Reads the event type from the body, as Fluxhook's dialects and many others have it. */
function eventOf({ body }: ListenRequest): string | null {
  try {
    const read: unknown = JSON.parse(Buffer.from(body, "base64").toString());
    if (typeof read !== "object" || read === null) return null;
    const { event, type } = read as { event?: unknown; type?: unknown };
    const name = event ?? type;
    return typeof name === "string" && name !== "" ? name : null;
  } catch {
    // The body is not JSON: the line shows the path.
    return null;
  }
}
