// Tasks of workflows: takes them from Valkey, and answers. The program brings its own client of Valkey.

/**
 * A Valkey client on a connection of its own, which waits for tasks: iovalkey and ioredis (`call`), node-redis
 * (`sendCommand`), Bun's (`send`).
 */
export type TaskClient =
  | { call(command: string, ...args: string[]): PromiseLike<unknown> }
  | { sendCommand(args: string[]): PromiseLike<unknown> }
  | { send(command: string, args: string[]): PromiseLike<unknown> };

export interface TaskOptions {
  /** FLUXHOOK_PREFIX of the service. */
  prefix?: string;
  /** Ends the iteration; a task that was taken by then is yielded first. */
  signal?: AbortSignal;
}

/** A task that a workflow waits for. */
export interface Task<Input = unknown> {
  /** The same for a task that is pushed again, but for the attempt at its end. */
  readonly id: string;
  readonly input: Input;
  readonly execution_id: string;
  readonly workflow_id: string;
  readonly node_id: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** RFC 3339; it is pushed again then, or fails. A later answer still counts. */
  readonly deadline: string;
  /** Gives the node its output: anything that JSON can express. */
  answer(output?: unknown): Promise<void>;
  /** Says that it has failed. It is tried again, unless `retry` is false or no attempt is left. */
  fail(message: string, options?: { retry?: boolean }): Promise<void>;
}

/** Shorter than the time after which clients and proxies close a silent connection. */
const BLOCK_S = 5;

/**
 * Takes tasks of one name, one after the other, the oldest first.
 *
 * ```ts
 * for await (const task of tasks(valkey, "resize")) {
 *   try {
 *     await task.answer(await resize(task.input));
 *   } catch (error) {
 *     await task.fail(String(error));
 *   }
 * }
 * ```
 *
 * A task comes at least once: a program that ends before it has answered gets it again, at its deadline.
 */
export async function* tasks<Input = unknown>(
  client: TaskClient,
  name: string,
  { prefix = "fluxhook", signal }: TaskOptions = {},
): AsyncGenerator<Task<Input>, void, undefined> {
  for (;;) {
    if (signal?.aborted) return;
    const taken = await run(client, "BLPOP", `${prefix}:tasks:${name}`, String(BLOCK_S));
    if (Array.isArray(taken)) yield taskOf<Input>(client, String(taken[1]));
  }
}

type Facts<Input> = Omit<Task<Input>, "answer" | "fail"> & { reply_to: string };

function taskOf<Input>(client: TaskClient, text: string): Task<Input> {
  const { reply_to: list, ...facts } = JSON.parse(text) as Facts<Input>;
  const { id } = facts;
  return {
    ...facts,
    async answer(output = null) {
      await run(client, "RPUSH", list, JSON.stringify({ id, output }));
    },
    async fail(message, { retry = true } = {}) {
      await run(client, "RPUSH", list, JSON.stringify({ id, error: { message, retry } }));
    },
  };
}

function run(client: TaskClient, command: string, ...args: string[]): PromiseLike<unknown> {
  if ("call" in client) return client.call(command, ...args);
  return "sendCommand" in client
    ? client.sendCommand([command, ...args])
    : client.send(command, args);
}
