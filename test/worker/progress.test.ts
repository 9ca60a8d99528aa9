import { describe, expect, test } from "bun:test";
import { notReadyCauses, QueueProgress, type WorkerState } from "../../src/worker/progress.ts";

const MINUTE_MS = 60_000;

function queue() {
  const clock = { now: 1_000 };
  const progress = new QueueProgress("fluxhook:events", () => clock.now);
  progress.joined();
  /** Every heartbeat succeeds meanwhile. */
  const pass = (ms: number) => {
    clock.now += ms;
    progress.beat();
  };
  const codes = () => progress.causes(true).map(({ code }) => code);
  return { clock, progress, pass, codes };
}

const EMPTY = { items: 0, maxFromList: 32, listLength: 0 };
const WAITING = { items: 0, maxFromList: 32, listLength: 7 };

describe("a queue is ready", () => {
  test("while its list is empty, for however long", () => {
    const { progress, pass, codes } = queue();
    for (let minutes = 0; minutes < 10; minutes += 1) {
      pass(MINUTE_MS);
      progress.claimed(EMPTY);
      expect(codes()).toEqual([]);
    }
  });

  test("while there is no room and events wait, for however long", () => {
    const { progress, pass, codes } = queue();
    progress.claimed({ ...WAITING, items: 3 });
    for (let minutes = 0; minutes < 10; minutes += 1) {
      pass(MINUTE_MS);
      progress.notAsked();
      expect(codes()).toEqual([]);
    }
  });

  test("while nothing is taken from the list because enough is claimed already", () => {
    const { progress, pass, codes } = queue();
    for (let claims = 0; claims < 10; claims += 1) {
      progress.claimed({ ...WAITING, maxFromList: 0 });
      pass(10_000);
      expect(codes()).toEqual([]);
    }
  });

  test("while lanes and retries take all the room, for they come first", () => {
    const { progress, pass, codes } = queue();
    for (let claims = 0; claims < 10; claims += 1) {
      progress.claimed({ ...WAITING, items: 32 });
      pass(10_000);
      expect(codes()).toEqual([]);
    }
  });

  test("after one claim, heartbeat or settlement that failed", () => {
    const { clock, progress, codes } = queue();
    progress.claimFailed(new Error("ERR once"));
    progress.beatFailed(new Error("ERR once"));
    progress.settleFailed(new Error("ERR once"));
    clock.now += 14_000;
    expect(codes()).toEqual([]);
  });
});

describe("a queue is not ready and says why", () => {
  test("if no claim has succeeded for 15 s", () => {
    const { progress, pass, codes } = queue();
    progress.claimed(EMPTY);
    pass(14_999);
    progress.claimFailed(new Error("WRONGTYPE Operation against a key"));
    expect(codes()).toEqual([]);
    pass(1);
    expect(progress.causes(true)).toEqual([
      {
        code: "claim-failing",
        queue: "fluxhook:events",
        message:
          "no claim from fluxhook:events has succeeded for 15s; the last error: WRONGTYPE Operation against a key",
      },
    ]);
    progress.claimed(EMPTY);
    expect(codes()).toEqual([]);
  });

  test("if claims succeed and have passed over a key for 15 s", () => {
    const { progress, pass, codes } = queue();
    const problems = ["fluxhook:events holds a string, not a list"];
    for (let claims = 0; claims < 15; claims += 1) {
      progress.claimed({ ...EMPTY, items: 1, problems });
      expect(codes()).toEqual([]);
      pass(1_000);
    }
    progress.claimed({ ...EMPTY, items: 1, problems });
    expect(progress.causes(true)).toEqual([
      {
        code: "claim-failing",
        queue: "fluxhook:events",
        message:
          "part of fluxhook:events has not been claimed from for 15s; the last error: fluxhook:events holds a string, not a list",
      },
    ]);
    progress.claimed({ ...EMPTY, problems: [] });
    expect(codes()).toEqual([]);
  });

  test("if there is room and it does not claim", () => {
    const { pass, codes } = queue();
    pass(15_000);
    expect(codes()).toEqual(["not-claiming"]);
  });

  test("if events wait and claims take none of them for 15 s", () => {
    const { progress, pass, codes } = queue();
    for (let claims = 0; claims < 15; claims += 1) {
      progress.claimed(WAITING);
      expect(codes()).toEqual([]);
      pass(1_000);
    }
    progress.claimed(WAITING);
    expect(progress.causes(true)[0]?.message).toBe(
      "7 elements wait on fluxhook:events, there is room, and claims have taken none for 15s",
    );
    progress.claimed({ ...WAITING, items: 1 });
    expect(codes()).toEqual([]);
  });

  test("if heartbeats have failed for 15 s", () => {
    const { clock, progress, codes } = queue();
    progress.beatFailed(new Error("NOPERM"));
    clock.now += 15_000;
    progress.claimed(EMPTY);
    expect(codes()).toEqual(["heartbeat-failing"]);
  });

  test("if settling has failed for 15 s", () => {
    const { progress, pass, codes } = queue();
    for (let tries = 0; tries <= 15; tries += 1) {
      progress.settleFailed(new Error("WRONGTYPE"));
      progress.claimed({ ...EMPTY, items: 1 });
      if (tries < 15) expect(codes()).toEqual([]);
      pass(1_000);
    }
    expect(codes()).toEqual(["settle-failing"]);
    progress.settled();
    expect(codes()).toEqual([]);
  });

  test("if the worker has not joined, with the heartbeat's error", () => {
    const { progress } = queue();
    progress.beatFailed(new Error("ERR at redis://user:pass@host"));
    expect(progress.causes(false)).toEqual([
      {
        code: "not-joined",
        queue: "fluxhook:events",
        message: "the worker has not joined fluxhook:events: ERR at redis://***@host",
      },
    ]);
  });
});

describe("a worker", () => {
  const READY: WorkerState = {
    link: { isUp: true, lastProblem: "" },
    claims: [],
    capacity: { held: 8, max: 8, nothingSettledForMs: 59_999 },
  };

  test.each<[string, Partial<WorkerState>, string[]]>([
    ["with all slots in use by slow receivers is ready", {}, []],
    [
      "that has had no room and settled nothing for a minute is not",
      { capacity: { held: 8, max: 8, nothingSettledForMs: 60_000 } },
      ["nothing-settled"],
    ],
    [
      "with room left is ready, however slow the receivers are",
      { capacity: { held: 7, max: 8, nothingSettledForMs: 600_000 } },
      [],
    ],
    [
      "without Valkey is not ready",
      { link: { isUp: false, lastProblem: "ECONNREFUSED" } },
      ["valkey-unreachable"],
    ],
  ])("%s", (_, state, codes) => {
    expect(notReadyCauses({ ...READY, ...state }).map(({ code }): string => code)).toEqual(codes);
  });
});
