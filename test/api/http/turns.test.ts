// Large bodies are read in turns of the event loop. The tests compare processor time of this thread with the
// time that the same work takes at once, so that a busy machine changes nothing.
import { afterAll, expect, test } from "bun:test";
import { inTurns, nextTurn } from "../../../src/api/http/turns.ts";
import { apiScene, closeScenes, TOKEN } from "../api-scene.ts";

afterAll(closeScenes);

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Returns the most processor time between two turns of the loop while `work` runs. */
async function longestStop(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let before = cpuMs();
  let goesOn = true;
  const look = () => {
    const now = cpuMs();
    longest = Math.max(longest, now - before);
    before = now;
    if (goesOn) setImmediate(look);
  };
  setImmediate(look);
  await work();
  goesOn = false;
  return Math.max(longest, cpuMs() - before);
}

function inOneGo(work: () => unknown): number {
  const before = cpuMs();
  work();
  return cpuMs() - before;
}

test("8 MiB of events stop the event loop for less than a third of the time that parsing them takes", async () => {
  const api = await apiScene({ config: { maxEventBytes: 262_144 } });
  const objects = Array.from({ length: 18_000 }, (_, n) => `{"k${n.toString(36)}":0}`);
  const event = `{"user_id":"u_1","event":"a","data":{"d":[${objects.join(",")}]}}`;
  const body = `[${Array.from({ length: 31 }, () => event).join(",")}]`;
  const once = inOneGo(() => JSON.parse(body));
  const send = async (key: string) => {
    const answer = await api.raw("/v1/events", {
      method: "POST",
      headers: {
        authorization: `Bearer ${TOKEN}`,
        "content-type": "application/json",
        "idempotency-key": key,
      },
      body,
    });
    expect(answer.status).toBe(202);
  };
  // The compiler and the collector, in threads of their own, are in the process's time too: the best of three.
  const longest: number[] = [];
  for (const key of ["a", "b", "c"]) longest.push(await longestStop(() => send(key)));
  expect(await api.pushed()).toHaveLength(93);
  expect(Math.min(...longest)).toBeLessThan(once / 3);
});

test("long steps pause in between, and the steps of several bodies take turns", async () => {
  const order: string[] = [];
  function* steps(name: string) {
    for (let n = 0; n < 3; n++) {
      order.push(name);
      const until = cpuMs() + 8;
      while (cpuMs() < until);
      yield;
    }
    return name;
  }
  let turns = 0;
  const counter = setInterval(() => turns++, 0);
  expect(await Promise.all([inTurns(steps("a")), inTurns(steps("b"))])).toEqual(["a", "b"]);
  clearInterval(counter);
  expect(order).toEqual(["a", "b", "a", "b", "a", "b"]);
  expect(turns).toBeGreaterThan(2);
});

test("each turn of the event loop wakes one waiter", async () => {
  const woken: number[] = [];
  let turn = 0;
  let goesOn = true;
  const count = () => {
    turn++;
    if (goesOn) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all([0, 1, 2].map(() => nextTurn().then(() => woken.push(turn))));
  goesOn = false;
  expect(new Set(woken).size).toBe(3);
});
