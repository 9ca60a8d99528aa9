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
  const enter = (name: string, unproven = false): void => {
    const note = (started: Started) => {
      begun.push({ starts, started });
      order.push(name);
    };
    const turn = starts.enter(unproven);
    if (turn instanceof Promise) void turn.then(note);
    else note(turn);
  };
  /** Answers those that have begun. */
  const fill = async (count: number, unproven = false): Promise<Started[]> => {
    const before = begun.length;
    for (let n = 0; n < count; n += 1) enter(`first ${n}`, unproven);
    await turnOfTheLoop();
    return begun.slice(before).map(({ started }) => started);
  };
  return { starts, clock, enter, fill, order };
}

/** Two: one for those that begin together, one for whoever they have made room for. */
async function turnOfTheLoop(): Promise<void> {
  for (let n = 0; n < 2; n += 1) await new Promise((resolve) => setImmediate(resolve));
}

describe("a request", () => {
  test("begins at once beside a few, and with the others of its turn beside more", async () => {
    const { enter, order } = open();
    for (let n = 0; n < MOST; n += 1) enter(String(n));
    expect(order).toHaveLength(8);
    await turnOfTheLoop();
    expect(order).toEqual(Array.from({ length: MOST }, (_, n) => String(n)));
  });

  test("waits while 48 have just begun, and begins when one ends, in the order of asking", async () => {
    const { starts, enter, fill, order } = open();
    const [first, second] = await fill(MOST);
    enter("a");
    enter("b");
    await turnOfTheLoop();
    expect(order).toHaveLength(MOST);
    starts.end(first!);
    await turnOfTheLoop();
    expect(order.slice(MOST)).toEqual(["a"]);
    starts.end(second!);
    await turnOfTheLoop();
    expect(order.slice(MOST)).toEqual(["a", "b"]);
  });

  test.each([
    [24, []],
    [25, ["late"]],
  ])("that has been under way for %d ms: begins beside 48 of them %j", async (ms, begins) => {
    const { clock, enter, fill, order } = open();
    await fill(MOST);
    clock.now += ms;
    enter("late");
    await turnOfTheLoop();
    expect(order.slice(MOST)).toEqual(begins);
  });

  test("that saw 48 others end is slow, and takes nobody's turn", async () => {
    const { starts, fill } = open();
    await fill(1);
    for (const quick of await fill(MOST - 1)) starts.end(quick);
    for (const quick of await fill(1)) starts.end(quick);
    expect(await fill(MOST)).toHaveLength(MOST);
  });
});

describe("requests to webhooks without a recent success", () => {
  test("hold half of the turns at most", async () => {
    const { fill } = open();
    expect(await fill(MOST, true)).toHaveLength(MOST / 2);
    expect(await fill(MOST)).toHaveLength(MOST / 2);
  });

  test("wait behind those to webhooks that have one", async () => {
    const { starts, enter, fill, order } = open();
    const [first, second] = await fill(MOST);
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
