// Compares how Fluxhook, Node and curl read some thousands of answers, as servers send them and with faults
// inserted.
import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { ResponseReader } from "../../src/delivery/http/response-reader.ts";
import { generateAnswers } from "../support/answers/generate.ts";
import { curlVerdicts, nodeVerdicts, type JudgeVerdict } from "../support/answers/judges.ts";
import { startAnswerServer } from "../support/answers/server.ts";
import { sendTo } from "./attempt.ts";

setDefaultTimeout(120_000);

const COUNT = 4_000;
const SEED = 13;
const AT_ONCE = 64;

const hasCurl = Bun.which("curl") !== null;
if (!hasCurl)
  console.warn("differential.test.ts: curl is not installed, so Node is the only judge");

const answers = generateAnswers(COUNT, SEED);
const ours: { status: number | null; reason: string | null }[] = [];
/** Node by default, and with `insecureHTTPParser`. */
let strict: JudgeVerdict[];
let lenient: JudgeVerdict[];
let curl: JudgeVerdict[] | null = null;

beforeAll(async () => {
  const server = await startAnswerServer(answers.map(({ bytes }) => bytes));
  let next = 0;
  const ask = async () => {
    for (let index = next++; index < COUNT; index = next++) {
      const answer = await sendTo(`http://127.0.0.1:${server.port}/${index}`);
      if (answer.kind === "response") await answer.drained;
      ours[index] =
        answer.kind === "response"
          ? { status: answer.status, reason: null }
          : { status: null, reason: `${answer.reason} ${answer.code}` };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  [strict, lenient] = await Promise.all([
    nodeVerdicts(server.port, COUNT, "strict"),
    nodeVerdicts(server.port, COUNT, "lenient"),
  ]);
  if (hasCurl) curl = await curlVerdicts(server.port, COUNT);
  await server.stop();
});

const isSuccess = (status: number | null | undefined) =>
  status !== null && status !== undefined && status >= 200 && status < 300;

/** Describes a difference for the reader of a failed test. */
function shown(index: number): string {
  const { from, bytes } = answers[index]!;
  const verdicts = { ours: ours[index], node: strict[index], lenient: lenient[index] };
  const text = JSON.stringify(bytes.toString("latin1").slice(0, 400));
  return `${index} ${from}\n${text}\n${JSON.stringify({ ...verdicts, curl: curl?.[index] })}`;
}

const indexes = Array.from(answers.keys());

test("each judge has a verdict on each answer", () => {
  const missing = indexes.filter(
    (index) => !ours[index] || !strict[index] || !lenient[index] || (curl && !curl[index]),
  );
  expect(missing).toEqual([]);
  // The judges accept some and refuse some; otherwise the comparison would prove nothing.
  for (const verdicts of [ours, strict, lenient, ...(curl ? [curl] : [])]) {
    const successes = verdicts.filter(({ status }) => isSuccess(status)).length;
    const failures = verdicts.filter(({ status }) => status === null).length;
    expect(successes).toBeGreaterThan(COUNT / 10);
    expect(failures).toBeGreaterThan(COUNT / 20);
  }
});

test("an answer that Node and curl read as 2xx is a 2xx here", () => {
  const wrong = indexes.filter(
    (index) =>
      (isSuccess(strict[index]?.status) || isSuccess(lenient[index]?.status)) &&
      (curl === null ? isSuccess(strict[index]?.status) : isSuccess(curl[index]?.status)) &&
      !isSuccess(ours[index]?.status),
  );
  expect(wrong.map(shown)).toEqual([]);
});

test("an unchanged answer of a server has its own status", () => {
  const recorded = indexes.filter((index) => !answers[index]!.from.includes(": "));
  expect(recorded.length).toBeGreaterThan(40);
  for (const index of recorded) {
    const text = answers[index]!.bytes.toString("latin1");
    const [, status] = /^(?:HTTP\/1\.1 1[^]*?\r\n\r\n)*HTTP\/1\.[01] (\d{3}) /.exec(text) ?? [];
    expect({ index, ...ours[index] }).toEqual({ index, status: Number(status), reason: null });
  }
});

test("no status differs from the one that Node or curl reads", () => {
  const wrong = indexes.filter((index) => {
    const { status } = ours[index]!;
    const others = [strict[index], lenient[index], curl?.[index]];
    return others.some(
      (other) => status !== null && other && (other.status ?? 0) >= 200 && other.status !== status,
    );
  });
  expect(wrong.map(shown)).toEqual([]);
});

test("a connection is kept only after an answer that Node reads to its end too", () => {
  const reader = new ResponseReader();
  const kept = indexes.filter((index) => {
    reader.begin();
    reader.read(answers[index]!.bytes);
    return reader.end === "ended" && reader.head?.keepsAlive === true && !reader.hasMore;
  });
  expect(kept.length).toBeGreaterThan(COUNT / 20);
  const isWhole = (verdict: JudgeVerdict | undefined) =>
    verdict !== undefined && verdict.isWhole && verdict.code === null;
  const wrong = kept.filter(
    (index) =>
      !isWhole(strict[index]) &&
      !isWhole(lenient[index]) &&
      // RFC 9112 §7.1.1 allows a blank after a chunk's size; Node does not.
      !answers[index]!.from.includes("odd chunks"),
  );
  expect(wrong.map(shown)).toEqual([]);
});
