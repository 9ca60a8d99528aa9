// Takes the answers of users' programs off their list and stores each with its execution, in one step. It only
// reads them first: a process that ends in between has taken nothing.
import { ValkeyUnavailable } from "../../valkey/connection/errors.ts";
import type { TaskAnswer } from "../../valkey/inbound/stored-execution.ts";
import type { ReadAnswer, TaskStore } from "../../valkey/inbound/task-store.ts";
import type { WorkerLog } from "../../log.ts";
import { decodeUtf8 } from "../../wire/bytes.ts";
import { isJsonObject } from "../../wire/json-object.ts";
import { isDeeperThan, valueAt } from "../../wire/json-path.ts";
import type { WakeUp } from "../../worker/wake-up.ts";

export interface AnswersOptions {
  tasks: Pick<TaskStore, "peek" | "apply">;
  /** Notifies `due` when the list is not empty. */
  watcher: { watchOnce(): void };
  due: WakeUp;
  /** Executions that an answer was for run next. */
  claimer: Pick<WakeUp, "notify">;
  link: { whenUp(): Promise<boolean> };
  maxOutputBytes: number;
  log: WorkerLog;
}

const MAX_AT_ONCE = 128;
/** Besides the output: the id, and the names of the fields. */
const MAX_OTHER_BYTES = 4_096;
const MAX_MESSAGE_CHARACTERS = 1_000;
const MAX_DEPTH = 64;
/** The watcher notifies; this is for what it may have missed. */
const LOOK_EVERY_MS = 5_000;
const PAUSE_AFTER_ERROR_MS = 500;
const TASK_ID = /^(exec-[a-z2-7]{26})\.([A-Za-z_][A-Za-z0-9_-]{0,63})\.(\d{1,3})$/;

export class Answers {
  private stopped = false;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: AnswersOptions) {}

  start(): void {
    this.running = this.run();
  }

  /** Resolves when no answer is being taken any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.options.due.notify();
    await this.running;
  }

  private async run(): Promise<void> {
    const { due, link, log, watcher } = this.options;
    while (!this.stopped) {
      due.clear();
      try {
        while (!this.stopped && (await this.takeSome()) > 0);
        if (this.stopped) return;
        watcher.watchOnce();
      } catch (error) {
        if (error instanceof ValkeyUnavailable)
          await Promise.race([link.whenUp(), Bun.sleep(PAUSE_AFTER_ERROR_MS)]);
        else log.error({ err: error }, "answers.failed");
        if (!this.stopped) await due.wait(PAUSE_AFTER_ERROR_MS);
        continue;
      }
      await due.wait(LOOK_EVERY_MS);
    }
  }

  /** Returns how many were on the list. */
  private async takeSome(): Promise<number> {
    const { tasks, maxOutputBytes, claimer, log } = this.options;
    const found = await tasks.peek(MAX_AT_ONCE, maxOutputBytes + MAX_OTHER_BYTES);
    if (found.length === 0) return 0;
    const answers = found.map((bytes) => ({ ...readAnswer(bytes), bytes }));
    const applied = await tasks.apply(answers);
    let isClaimable = false;
    for (const [at, reply] of applied.entries()) {
      const answer = answers[at];
      if (reply === "stored") isClaimable = true;
      else if (reply === "dropped" && answer) {
        const { executionId, nodeId, answer: read } = answer;
        const fields = { execution_id: executionId, node_id: nodeId };
        if (read === null) log.warn(fields, "answer.invalid");
        else log.info(fields, "answer.dropped");
      }
    }
    if (isClaimable) claimer.notify();
    return found.length;
  }
}

/** Reads an answer: `{"id","output"}` or `{"id","error":{"message","retry"}}`. Users' programs write them. */
export function readAnswer(bytes: Buffer): ReadAnswer {
  const invalid = { executionId: "", nodeId: "", attempt: "", answer: null };
  const text = decodeUtf8(bytes);
  if (text === null || isDeeperThan(text, MAX_DEPTH)) return invalid;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return invalid;
  }
  if (!isJsonObject(value) || typeof value.id !== "string") return invalid;
  const [, executionId = "", nodeId = "", attempt = ""] = TASK_ID.exec(value.id) ?? [];
  if (executionId === "") return invalid;
  return { executionId, nodeId, attempt, answer: answerIn(value, text) };
}

function answerIn(value: Record<string, unknown>, text: string): TaskAnswer | null {
  const { error, output, size } = value;
  // The script has put the size in the place of what is too large.
  if (typeof size === "number" && output === undefined && error === undefined) {
    const message = `the answer has ${size} bytes, more than FLUXHOOK_MAX_OUTPUT_BYTES allows`;
    return { kind: "error", mayRetry: false, message };
  }
  if (error === undefined || error === null) {
    // Exactly as it was written: a large integer stays itself.
    return { kind: "output", json: valueAt(text, ["output"]) ?? "null" };
  }
  const said = isJsonObject(error) ? error.message : error;
  const message = typeof said === "string" && said !== "" ? said : "the task has failed";
  const mayRetry = !isJsonObject(error) || error.retry !== false;
  return { kind: "error", mayRetry, message: message.slice(0, MAX_MESSAGE_CHARACTERS) };
}
