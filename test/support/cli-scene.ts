// A running service and the commands beside it, as a user at a terminal has them.
import { expect } from "bun:test";
import type { LogEntry } from "../../src/wire/log-entry.ts";
import { eventually } from "./eventually.ts";
import type { Receiver } from "./receiver.ts";
import { openScene, register, type Registered, type Scene } from "./serve-scene.ts";
import { API_TOKEN, runFluxhook, type Finished, type ServiceProcess } from "./service.ts";

/** In the variable WEBHOOK_SECRET, and that of every webhook that the scene registers. */
export const CLI_SECRET = `whsec_${Buffer.alloc(32, "canary").toString("base64")}`;

export interface CliScene extends AsyncDisposable {
  scene: Scene;
  service: ServiceProcess;
  /** Answers 204, and below /dead 500. */
  receiver: Receiver;
  run(args: readonly string[], env?: Record<string, string>, stdin?: string): Promise<Finished>;
  /** What it prints where it is done and has nothing to complain of. */
  done(...args: string[]): Promise<string>;
  /** The same with --json: one document, on one line. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the test says what it expects
  json<T>(...args: string[]): Promise<T>;
  newOwner(): string;
  /** One attempt is all that its deliveries get. */
  webhookOf(user: string, path?: string): Promise<Registered>;
  /** The log as soon as it has so many attempts, the newest first. */
  logged(user: string, count: number): Promise<LogEntry[]>;
}

export async function openCliScene(): Promise<CliScene> {
  const scene = await openScene();
  const service = await scene.serve();
  const receiver = scene.receiver(
    ({ path }) => new Response(null, { status: path.startsWith("/dead") ? 500 : 204 }),
  );
  const environment = {
    FLUXHOOK_URL: service.url,
    FLUXHOOK_API_TOKEN: API_TOKEN,
    FLUXHOOK_VALKEY_URL: scene.valkey.url,
    FLUXHOOK_PREFIX: scene.prefix,
    WEBHOOK_SECRET: CLI_SECRET,
  };
  let owners = 0;
  const run: CliScene["run"] = (args, env = {}, stdin) =>
    runFluxhook(args, { ...environment, ...env }, stdin);
  async function done(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(args);
    expect([args.join(" "), exitCode, stderr]).toEqual([args.join(" "), 0, ""]);
    return stdout;
  }
  return {
    scene,
    service,
    receiver,
    run,
    done,
    async json<T>(...args: string[]) {
      const text = await done(...args, "--json");
      expect(text.trimEnd().split("\n")).toHaveLength(1);
      return JSON.parse(text) as T;
    },
    newOwner: () => `u_${++owners}`,
    webhookOf: (user, path = "/") =>
      register(service, {
        user_id: user,
        url: receiver.url + path,
        secret: CLI_SECRET,
        retry_schedule: ["0s"],
      }),
    logged: (user, count) =>
      eventually(async () => {
        const entries = await scene.logOf(user);
        return entries.length === count ? entries : null;
      }),
    [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose](),
  };
}
