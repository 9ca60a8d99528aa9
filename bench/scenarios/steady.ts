// What a sidecar costs at the rates at which it spends its life, beside a worker written by hand and
// BullMQ: nothing to do, then 1 to 5,000 events a second.
import {
  atMost,
  difference,
  interleave,
  medianOf,
  ratio,
  type Bar,
  type Bench,
  type Case,
  type Metric,
  type Row,
  type Scenario,
} from "../bench.ts";
import type { Contender } from "../contenders/contender.ts";
import { durations, runSteady, WARM_UP_PER_SECOND } from "../steady-run.ts";

const RATES = [0, 1, 10, 100, 1_000, 5_000];
const FEW_OWNERS = 20;
const MANY_OWNERS = 1_000;
const OWNERS = [FEW_OWNERS, MANY_OWNERS];
/** Above this a census would be in Valkey's way. */
const CENSUS_UP_TO = 100;
/** At which one event is over long before the next one comes. */
const ONE_AT_A_TIME = 10;
const REPLICAS = 4;
/** At which the bare loop says what latency the machine itself has. */
const LATENCY_FROM = 1_000;

const NAIVE = "naive worker, fetch";
const BARE = "bare loop of signed fetches";

const count = new Intl.NumberFormat("en-US");
const tableOf = (rate: number, owners: number) =>
  rate === 0 ? "nothing to do" : `${count.format(rate)}/s, ${count.format(owners)} owners`;
const nameOf = (who: string, rate: number, owners: number) => `${who}, ${tableOf(rate, owners)}`;
const replicated = (who: string) => `${who}, ${REPLICAS} replicas`;

export const steady: Scenario = {
  name: "steady",
  what: "CPU of a delivery, scripts and latency at 0 to 5,000 events a second of 260 bytes",
  async run(bench) {
    const rates = bench.rates ?? RATES;
    const owners = bench.owners ?? OWNERS;
    const contenders = await bench.untunedContenders("bare", "naive", "bullmq-bun", "fluxhook");
    const rows = await interleave(
      bench,
      owners.flatMap((of) => rates.flatMap((rate) => casesOf(bench, contenders, rate, of, owners))),
    );
    const bars = [
      ...owners.flatMap((of) => rates.flatMap((rate) => barsOf(rows, rate, of))),
      ...idleBars(rows),
      ...replicaBars(rows),
    ];
    return {
      rows,
      bars,
      notes: [
        "CPU, wake-ups, commands and scripts are those of the whole time, divided by the deliveries.",
        `The worker has delivered ${count.format(durations(bench).warmUp * WARM_UP_PER_SECOND)} events before. Valkey's CPU includes the pushes.`,
        "Commands run: those inside of scripts too. Empty scripts: runs that changed nothing.",
      ],
    };
  },
};

function casesOf(
  bench: Bench,
  contenders: readonly Contender[],
  perSecond: number,
  owners: number,
  allOwners: readonly number[],
): Case[] {
  // With nothing to do it makes no difference how many owners there are.
  if (perSecond === 0 && owners !== allOwners[0]) return [];
  const one = (contender: Contender, label: string, replicas: number): Case => ({
    name: nameOf(label, perSecond, owners),
    table: tableOf(perSecond, owners),
    run: () =>
      runSteady(bench, {
        contender,
        perSecond,
        owners,
        replicas,
        countsScripts: contender.name === "fluxhook" && perSecond <= CENSUS_UP_TO,
      }),
  });
  return contenders.flatMap((contender) => {
    if (contender.name === "bare" && perSecond < LATENCY_FROM) return [];
    const cases = [one(contender, contender.label, 1)];
    if (contender.name === "fluxhook" && perSecond === ONE_AT_A_TIME && owners === allOwners[0]) {
      cases.push(one(contender, replicated(contender.label), REPLICAS));
    }
    return cases;
  });
}

function barsOf(rows: readonly Row[], rate: number, owners: number): Bar[] {
  const name = (who: string) => nameOf(who, rate, owners);
  const own = rows.find((row) => row.name === name("Fluxhook"));
  const where = `at ${tableOf(rate, owners)}`;
  const bars: Bar[] = [];
  const toNaive = (metric: Metric) => ratio(rows, metric, name("Fluxhook"), name(NAIVE));
  if (rate >= 10 && rate <= 1_000) {
    bars.push(
      ...atMost(`CPU of a delivery, of the naive worker's, ${where}`, 1, toNaive("cpu_us")),
      ...atMost(
        `Valkey's CPU of a delivery, of the naive worker's, ${where}`,
        1.2,
        toNaive("valkey_cpu_us"),
      ),
    );
  }
  if (rate === 100) {
    const limit = owners >= MANY_OWNERS ? 2.6 : 1.6;
    bars.push(
      ...atMost(`scripts of a delivery, ${where}`, limit, medianOf(own, "scripts")),
      ...atMost(`empty scripts of a delivery, ${where}`, 0.05, medianOf(own, "empty_scripts")),
    );
  }
  if (rate >= LATENCY_FROM) {
    const above = difference(rows, "p99_ms", name("Fluxhook"), name(BARE));
    bars.push(
      ...atMost(`p50, ms, ${where}`, 1, medianOf(own, "p50_ms")),
      ...atMost(`p99, ms above the bare loop's, ${where}`, rate >= 5_000 ? 10 : 5, above),
    );
  }
  return bars;
}

function idleBars(rows: readonly Row[]): Bar[] {
  const own = rows.find((row) => row.name === nameOf("Fluxhook", 0, 0));
  return [
    ...atMost("idle: the worker, % of a core", 0.4, medianOf(own, "idle_cpu_percent")),
    ...atMost("idle: Valkey, % of a core", 0.3, medianOf(own, "valkey_idle_percent")),
    ...atMost("idle: commands sent a second", 2, medianOf(own, "requests_per_second")),
    ...atMost("idle: RSS, MB", 66, medianOf(own, "rss_mb")),
  ];
}

function replicaBars(rows: readonly Row[]): Bar[] {
  const all = rows.find((row) => row.name.startsWith(replicated("Fluxhook")));
  if (all === undefined) return [];
  const one = all.name.replace(replicated("Fluxhook"), "Fluxhook");
  return atMost(
    `scripts of an event that comes alone, ${REPLICAS} replicas, of one's`,
    1.3,
    ratio(rows, "scripts", all.name, one),
  );
}
