// What one measurement plays on, all of it fresh: a Valkey, a receiver, and who sends to it.
import type { Redis } from "iovalkey";
import type { LocalValkey } from "../src/local-valkey/start.ts";
import { ownValkey, testRedis } from "../test/support/valkey.ts";
import { pinRunning, type Pins } from "./machine.ts";
import { Receiver, type ReceiverMode, type TlsFiles } from "./receiver.ts";

export interface Stage extends AsyncDisposable {
  pins: Pins;
  /** Append-only, fsync every second. */
  valkey: LocalValkey;
  redis: Redis;
  receiver: Receiver;
  tls: TlsFiles | undefined;
  /** Ends with the stage. */
  use<T extends AsyncDisposable>(one: T): T;
  defer(end: () => unknown): void;
}

export async function openStage(
  pins: Pins,
  { mode = "count", tls }: { mode?: ReceiverMode; tls?: TlsFiles } = {},
): Promise<Stage> {
  await using opened = new AsyncDisposableStack();
  const valkey = await ownValkey();
  opened.defer(() => valkey.stop());
  pinRunning(valkey.pid, "valkey", pins);
  const redis = await testRedis(valkey.url);
  opened.defer(() => redis.disconnect());
  const receiver = opened.use(await Receiver.start(mode, pins, tls));
  const stack = opened.move();
  return {
    pins,
    valkey,
    redis,
    receiver,
    tls,
    use: (one) => stack.use(one),
    defer: (end) => {
      stack.defer(async () => void (await end()));
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
