// Random and mutated requests to every route: whatever they ask, the answer is theirs (4xx) or the
// thing itself, never 500, and the process goes on. FLUXHOOK_TEST_LONG=1 sends 100,000 of them.
import { expect, test } from "bun:test";
import { describeApi } from "../support/api-operations.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient, type RawOutcome } from "../support/raw-http.ts";
import { RequestFuzzer } from "../support/request-fuzzer.ts";
import { eventFor, openScene, register } from "../support/serve-scene.ts";
import { API_TOKEN } from "../support/service.ts";
import { seededRandom } from "../wire/seeded-random.ts";

const LONG = process.env.FLUXHOOK_TEST_LONG === "1";
const COUNT = LONG ? 100_000 : 4_000;
const AT_ONCE = 16;
/** Methods that Bun does not know: it ends the connection. */
const UNKNOWN = /^(?:FOO|get) /;
/** Webhooks that the requests name, the latest ones. */
const MAX_KNOWN = 20;
const SEED = Number(process.env.FLUXHOOK_TEST_SEED ?? 20_261_121);

test(
  `the API answers ${COUNT} hostile requests without a 500 or a crash`,
  async () => {
    await using scene = await openScene();
    const service = await scene.serve({
      // What is registered must reach nobody outside: no name is found there.
      FLUXHOOK_DNS_SERVERS: "127.0.0.1:9",
    });
    const { body: scoped } = await service.api("POST", "/v1/tokens", { user_id: "u_1" });
    const webhooks: string[] = [];
    for (const owner of [{ user_id: "u_1" }, { org_id: "o_1" }]) {
      const url = "https://receiver.invalid/first";
      webhooks.push((await register(service, { ...owner, url, retry_schedule: ["0s"] })).id);
    }
    await scene.push(eventFor("u_1"));
    const [entry] = await eventually(async () => {
      const entries = await scene.logOf("u_1");
      return entries.length > 0 && entries;
    });

    const fuzzer = new RequestFuzzer(seededRandom(SEED), await describeApi(service.url), {
      authorizations: [
        `Bearer ${API_TOKEN}`,
        `Bearer ${API_TOKEN}`,
        `Bearer ${String(scoped["token"])}`,
      ],
      values: {
        id: webhooks,
        webhook_id: webhooks,
        user_id: ["u_1", "é/%00", "__proto__", ...owners("u")],
        org_id: ["o_1", "u_1", ...owners("o")],
        delivery_id: [entry?.delivery_id ?? "", crypto.randomUUID()],
      },
    });
    const counts = new Map<string, number>();
    const faults: string[] = [];
    let left = COUNT;
    async function sender(): Promise<void> {
      const client = new RawClient(service.url);
      while (left > 0 && faults.length < 10) {
        left -= 1;
        const request = fuzzer.next();
        let outcome = await client.send(request.bytes, request);
        // The connection may have ended with the answer before, as that one's request had asked.
        if (outcome === "closed") outcome = await client.send(request.bytes, request);
        const status = typeof outcome === "string" ? outcome : String(outcome.status);
        counts.set(status, (counts.get(status) ?? 0) + 1);
        keepInMind(webhooks, status, request.summary, outcome);
        const isAnswered =
          status !== "silent" && (status !== "closed" || UNKNOWN.test(request.summary));
        if (status === "500" || !isAnswered) faults.push(`${status}: ${request.summary}`);
      }
      client.close();
    }
    await Promise.all(Array.from({ length: AT_ONCE }, sender));

    const table = Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    if (LONG) console.info(table);
    expect(faults).toEqual([]);
    const failed = service.lines.filter(({ level }) => level === "error");
    expect(failed).toEqual([]);
    // Most must come past the door, or the routes behind it were not tried.
    for (const status of ["200", "201", "202", "204", "400", "401", "404", "405", "415", "422"]) {
      expect([status, counts.get(status) ?? 0]).not.toEqual([status, 0]);
    }
    // The worker too goes on: the queue took what was fuzzed, and a delivery still arrives.
    const receiver = scene.receiver();
    await register(service, { user_id: "u_after", url: receiver.url });
    await scene.push(eventFor("u_after"));
    await receiver.waitFor(1, { withinMs: 60_000 });
  },
  LONG ? 1_800_000 : 120_000,
);

/** So that the requests to come name webhooks that are there. */
function keepInMind(
  webhooks: string[],
  status: string,
  request: string,
  outcome: RawOutcome,
): void {
  if (status === "201" && typeof outcome !== "string") {
    const made = /"id":"(wh_[^"]+)"/.exec(outcome.body)?.[1];
    if (made) webhooks.push(made);
    if (webhooks.length > MAX_KNOWN) webhooks.shift();
  }
  const deleted = status === "204" ? webhooks.findIndex((id) => request.includes(id)) : -1;
  if (deleted !== -1) webhooks.splice(deleted, 1);
}

/** Enough of them that not all come to have as many webhooks as they may. */
function owners(kind: string): string[] {
  return Array.from({ length: 40 }, (_, n) => `${kind}_${n + 10}`);
}
