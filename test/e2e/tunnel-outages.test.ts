// `fluxhook listen` through outages, floods and sleep: what was accepted arrives, and the screen shows the
// truth meanwhile. FLUXHOOK_TEST_LONG=1 makes them longer.
import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import {
  freePort,
  openListening,
  requestsOf,
  startListener,
  type Listener,
  through,
} from "../support/listener.ts";
import { openScene } from "../support/serve-scene.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

const LONG = process.env.FLUXHOOK_TEST_LONG === "1";
/** An outage ends after this many more requests, in the long form after the screen says "down". */
const DURING_OUTAGE = 40;
const FLOOD = LONG ? 10_000 : 1_000;
const AT_ONCE = 50;

interface Sending {
  sent: number;
  /** Ends the sending and returns the numbers that were accepted. */
  stop(): Promise<number[]>;
}

/** Sends a request every 50 ms until it is stopped. */
function sendSteadily(url: string): Sending {
  const accepted: number[] = [];
  const stopping = new AbortController();
  async function send(): Promise<void> {
    const all: Promise<void>[] = [];
    for (let n = 0; !stopping.signal.aborted; n += 1) {
      const sent = fetch(url, { method: "POST", body: JSON.stringify({ n }) }).then(
        ({ status }) => void (status < 300 && accepted.push(n)),
        // The service is away: nothing was accepted.
        () => {},
      );
      all.push(sent);
      steady.sent += 1;
      await Bun.sleep(50);
    }
    await Promise.all(all);
  }
  const steady = {
    sent: 0,
    async stop() {
      stopping.abort();
      await sending;
      return accepted;
    },
  };
  const sending = send();
  return steady;
}

/** Resolves when the listener has been without the service for a while, and says so. */
async function outage(listener: Listener, sending: Sending): Promise<void> {
  const shown = LONG ? "down" : "reconnecting";
  await eventually(() => expect(listener.states().at(-1)).toBe(shown), { withinMs: 30_000 });
  const before = sending.sent;
  await eventually(() => sending.sent >= before + DURING_OUTAGE);
}

function numbersAt(local: { requests: readonly { text: string }[] }): Set<number> {
  return new Set(local.requests.map(({ text }) => (JSON.parse(text) as { n: number }).n));
}

describe("fluxhook listen", () => {
  test("listen loses no accepted request while its service is killed and started again", async () => {
    await using scene = await openScene();
    const port = freePort();
    const other = await scene.serve();
    const first = await scene.serve({ FLUXHOOK_PORT: port });
    const local = scene.receiver();
    await using listener = await startListener(first.url, ["--forward-to", String(local.port)]);
    const toOther = sendSteadily(through(listener.url, other));
    const toFirst = sendSteadily(listener.url);
    await local.waitFor(5);

    first.signal("SIGKILL");
    await first.exited;
    await outage(listener, toOther);
    await using _ = await scene.serve({ FLUXHOOK_PORT: port });
    await eventually(() => expect(listener.states().at(-1)).toBe("connected"));

    const accepted = [...(await toOther.stop()), ...(await toFirst.stop())];
    expect(accepted.length).toBeGreaterThan(20);
    await eventually(() => {
      const arrived = numbersAt(local);
      expect(accepted.filter((n) => !arrived.has(n))).toEqual([]);
    });
  }, 120_000);

  test("listen loses no accepted request while its network is cut, and while it is silent", async () => {
    await using scene = await openScene();
    const service = await scene.serve();
    const local = scene.receiver();
    await using proxy = await startTcpProxy(service.url);
    await using listener = await startListener(proxy.url, ["--forward-to", String(local.port)]);
    const sending = sendSteadily(through(listener.url, service));
    await local.waitFor(5);

    proxy.cut();
    await eventually(() =>
      expect(listener.states().slice(0, 2)).toEqual(["connected", "reconnecting"]),
    );
    await outage(listener, sending);
    proxy.heal();
    await eventually(() => expect(listener.states().at(-1)).toBe("connected"));

    proxy.silence();
    await outage(listener, sending);
    proxy.heal();
    await eventually(() => expect(listener.states().at(-1)).toBe("connected"), {
      withinMs: 40_000,
    });

    const accepted = await sending.stop();
    expect(accepted.length).toBeGreaterThan(20);
    await eventually(() => {
      const arrived = numbersAt(local);
      expect(accepted.filter((n) => !arrived.has(n))).toEqual([]);
    });
  }, 180_000);

  test(`listen forwards each of ${FLOOD} requests once, ${AT_ONCE} at a time`, async () => {
    await using scene = await openScene();
    const { local, listener } = await openListening(scene);
    await using _ = listener;
    const statuses = new Map<number, number>();
    let next = 0;
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (next < FLOOD) {
          const n = next++;
          const { status } = await fetch(listener.url, {
            method: "POST",
            body: JSON.stringify({ n }),
          });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      }),
    );
    expect([...statuses]).toEqual([[204, FLOOD]]);
    // Each once: a request that is in hand is not asked for again.
    expect([local.requests.length, numbersAt(local).size]).toEqual([FLOOD, FLOOD]);
    await eventually(() => expect(requestsOf(listener)).toHaveLength(FLOOD));
  }, 240_000);

  test.if(LONG)(
    "callers get 202 while the machine of listen sleeps, and listen forwards theirs when it wakes",
    async () => {
      await using scene = await openScene();
      const { local, listener } = await openListening(scene, "--user", "u_1");
      await using _ = listener;
      listener.signal("SIGSTOP");
      // Answered as soon as the service takes the client for away.
      const response = await fetch(listener.url, { method: "POST", body: '{"n":1}' });
      expect(response.status).toBe(202);
      listener.signal("SIGCONT");
      await local.waitFor(1, { withinMs: 30_000 });
      await eventually(() => expect(listener.states().at(-1)).toBe("connected"));
      expect(numbersAt(local)).toEqual(new Set([1]));
    },
    90_000,
  );

  test("a service that ends tells a caller who waits for listen's answer that the request is kept", async () => {
    await using scene = await openScene();
    const port = freePort();
    const service = await scene.serve({ FLUXHOOK_PORT: port });
    const { promise: answered, resolve } = Promise.withResolvers<Response>();
    const local = scene.receiver(() => answered);
    await using listener = await startListener(service.url, ["--forward-to", String(local.port)]);
    const caller = fetch(listener.url, { method: "POST", body: '{"n":1}' });
    await local.waitFor(1);
    await service.stop();
    expect((await caller).status).toBe(202);
    resolve(new Response(null, { status: 204 }));
    await eventually(() => expect(requestsOf(listener)).toMatchObject([{ status: 204 }]));
    await using _ = await scene.serve({ FLUXHOOK_PORT: port });
    await eventually(() => expect(listener.states().at(-1)).toBe("connected"));
    expect(local.requests).toHaveLength(1);
  }, 60_000);
});
