// Tasks for users' programs, and their answers. The lists are public: docs/inbound.md, "Tasks".
import type { StoreLink } from "../connection/link.ts";
import { Script, type ScriptArgument } from "../connection/script.ts";
import { inboundKeys, queueKeys, type InboundKeys, type QueueKeys } from "../keys.ts";
import applyText from "../scripts/answers-apply.lua" with { type: "text" };
import endText from "../scripts/execution-end.lua" with { type: "text" };
import peekText from "../scripts/answers-peek.lua" with { type: "text" };
import pushText from "../scripts/task-push.lua" with { type: "text" };
import { answerText, type TaskAnswer } from "./stored-execution.ts";

const applyScript = new Script(applyText, endText);
const peekScript = new Script(peekText);
const pushScript = new Script(pushText);

export interface ReadAnswer {
  executionId: string;
  nodeId: string;
  attempt: string;
  /** Null where it is not valid: it is only taken off the list. */
  answer: TaskAnswer | null;
}

/** `dropped`: nothing waits for it, or not any more. `taken`: by another process. */
export type Applied = "stored" | "dropped" | "taken";

export class TaskStore {
  readonly keys: InboundKeys;
  private readonly queue: QueueKeys;

  constructor(
    private readonly link: StoreLink,
    prefix: string,
    private readonly maxTasks: number,
  ) {
    this.keys = inboundKeys(prefix);
    this.queue = queueKeys(this.keys.queue);
  }

  /** Pushes a task. Returns false where too many wait on its list. @throws ValkeyFull */
  async push(name: string, task: string): Promise<boolean> {
    const pushed = await this.link.run((client) =>
      pushScript.run(client, [this.keys.tasks(name)], [this.maxTasks, task]),
    );
    return pushed === 1;
  }

  /** Returns the oldest answers, and leaves them on the list. */
  async peek(most: number, maxBytes: number): Promise<Buffer[]> {
    const answers = await this.link.run((client) =>
      peekScript.run(client, [this.keys.answers], [most, maxBytes]),
    );
    return answers as Buffer[];
  }

  /** Takes answers off the list and stores them with their executions, each in one step. */
  async apply(answers: readonly (ReadAnswer & { readonly bytes: Buffer })[]): Promise<Applied[]> {
    const { queue } = this;
    const args: ScriptArgument[] = [queue.base];
    for (const { bytes, executionId, nodeId, attempt, answer } of answers) {
      args.push(bytes, executionId, nodeId, attempt);
      args.push(answer === null ? "" : answerText(answer), answer?.kind ?? "");
    }
    const keys = [this.keys.answers, queue.ready, queue.schedule, queue.scheduled, queue.stats];
    const replies = await this.link.run((client) => applyScript.run(client, keys, args));
    return (replies as Buffer[]).map((reply) => reply.toString() as Applied);
  }
}
