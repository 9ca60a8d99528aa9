// Many hostile receivers in a process of their own, so that what they do costs the healthy ones and
// the campaign no CPU. Takes how many; prints their URLs as one line of JSON, of each family in turn.
import { startHostileReceiver, type HostileKind } from "../support/hostile-receiver.ts";

/** As over a network: on loopback a single flood without a pause would take a whole core. */
const PACE = { floodPauseMs: 20, dripMs: 1_000 };

const FAMILIES: readonly (readonly HostileKind[])[] = [
  ["silent", "stops-in-head"],
  ["slow-head"],
  ["endless-1xx", "endless-fat-1xx"],
  [
    "huge-head-that-stops",
    "endless-headers",
    "endless-header",
    "endless-reason",
    "many-headers",
    "huge-head",
  ],
  ["slow-body", "short-slow-body", "body-never-comes"],
  [
    "endless-body",
    "endless-chunks",
    "endless-chunk-size",
    "endless-chunk-extension",
    "endless-trailers",
  ],
  ["gzip-bomb"],
  ["brotli-bomb"],
  ["closes-at-once", "resets-at-once", "resets-after-request", "resets-in-head", "resets-in-body"],
  ["half-open"],
  ["tls-silent", "tls-plain-text", "tls-stops", "tls-closes"],
  ["redirects-inside", "redirects-to-a-file", "redirects-to-itself"],
  ["not-http", "answers-twice", "spaces-in-head"],
];

const fleet = Array.from({ length: Number(process.argv[2]) }, async (_, n) => {
  const family = FAMILIES[n % FAMILIES.length] ?? [];
  const kind = family[Math.floor(n / FAMILIES.length) % family.length] ?? "silent";
  const { url } = await startHostileReceiver(kind, PACE);
  return { kind, url };
});
process.stdout.write(`${JSON.stringify(await Promise.all(fleet))}\n`);
