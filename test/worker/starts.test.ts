// How many requests begin at a time, by the clock of the test.
import { afterEach, describe, expect, test } from "bun:test";
import { Starts, type Started } from "../../src/worker/starts.ts";

const MOST = 48;
const begun: { starts: Starts; started: Started }[] = [];
afterEach(() => {
  // Whoever waits gets its turn, and the timer ends.
  for (let one = begun.pop(); one; one = begun.pop()) one.starts.end(one.started);
});

function open() {
  const clock = { now: 1_000 };
  const starts = new Starts(() => clock.now);
  const order: string[] = [];
  /** Asks for a turn, and notes when it comes. */
  const enter = (name: string, unproven = false): Started | null => {
    const note = (started: Started) => {
      begun.push({ starts, started });
      order.push(name);
      return started;
    };
    const turn = starts.enter(unproven);
    if (!(turn instanceof Promise)) return note(turn);
    void turn.then(note);
    return null;
  };
  const fill = (count: number, unproven = false) =>
    Array.from({ length: count }, (_, n) => enter(`first ${n}`, unproven));
  return { starts, clock, enter, fill, order };
}

const turnOfTheLoop = () => new Promise((resolve) => setImmediate(resolve));

describe("a request", () => {
  test("begins at once while fewer than 48 have just begun", () => {
    const { enter, fill } = open();
    expect(fill(MOST).every((started) => started !== null)).toBeTrue();
    expect(enter("late")).toBeNull();
  });

  test("that waits begins when another ends, in the order of asking", async () => {
    const { starts, enter, fill, order } = open();
    const [first, second] = fill(MOST);
    enter("a");
    enter("b");
    starts.end(first!);
    starts.end(second!);
    await turnOfTheLoop();
    expect(order.slice(MOST)).toEqual(["a", "b"]);
  });

  test("that has been under way for 25 ms takes nobody's turn", () => {
    const { clock, enter, fill } = open();
    fill(MOST);
    clock.now += 24;
    expect(enter("early")).toBeNull();
    const other = open();
    other.fill(MOST);
    other.clock.now += 25;
    expect(other.enter("late")).not.toBeNull();
  });

  test("that saw 48 others end is slow, and takes nobody's turn", () => {
    const { starts, enter, fill } = open();
    fill(1);
    for (let n = 0; n < MOST; n += 1) starts.end(enter(`quick ${n}`)!);
    expect(fill(MOST - 1).every((started) => started !== null)).toBeTrue();
    expect(enter("one more")).not.toBeNull();
  });
});

describe("requests to webhooks without a recent success", () => {
  test("hold half of the turns at most", () => {
    const { enter, fill } = open();
    fill(MOST / 2, true);
    expect(enter("unproven", true)).toBeNull();
    expect(enter("proven")).not.toBeNull();
  });

  test("wait behind those to webhooks that have one", async () => {
    const { starts, enter, fill, order } = open();
    const [first, second] = fill(MOST);
    enter("unproven", true);
    enter("proven");
    starts.end(first!);
    await turnOfTheLoop();
    expect(order.slice(MOST)).toEqual(["proven"]);
    starts.end(second!);
    await turnOfTheLoop();
    expect(order.slice(MOST)).toEqual(["proven", "unproven"]);
  });
});
