// `fluxhook attempt`: one attempt in full: what was sent and answered, and what happens next.
import type { Command } from "commander";
import type { AttemptInFull, SignatureCheck, SignedAgain } from "../wire/attempt-answer.ts";
import { printable, printableLines } from "../wire/printable.ts";
import { ApiClient, pathSegment } from "./terminal/api-client.ts";
import { logTable, outcome } from "./terminal/log-table.ts";
import { colors, details, print, type Cell } from "./terminal/output.ts";
import { type Exit, withExamples } from "./terminal/usage.ts";

interface AttemptOptions {
  verify?: boolean;
  curl?: boolean;
  json?: boolean;
}

export function addAttempt(program: Command, exit: Exit): void {
  const command = program
    .command("attempt")
    .description("one attempt in full: what was sent and answered, and what happens next")
    .argument("<delivery_id>", "the attempt's UUID, as in the delivery header and in the log")
    .option("--verify", "say instead whether its signatures match the secrets of now")
    .option("--curl", "print instead a curl command that sends it again, signed now")
    .option("--json", "print the JSON of the API")
    .action(async (id: string, { verify, curl, json }: AttemptOptions) => {
      if (verify && curl) command.error("error: give --verify or --curl, not both");
      const api = ApiClient.ofEnvironment();
      const path = `/v1/deliveries/${pathSegment(id)}`;
      if (verify) {
        const text = await api.text("POST", `${path}/verify`);
        const check = JSON.parse(text) as SignatureCheck;
        print(json === true, text, () => checkText(check));
        exit(check.signature_matches ? 0 : 1);
        return;
      }
      if (curl) {
        const text = await api.text("POST", `${path}/sign`);
        print(json === true, text, () => printableLines((JSON.parse(text) as SignedAgain).curl));
        exit(0);
        return;
      }
      const text = await api.text("GET", path);
      print(json === true, text, () => attemptText(JSON.parse(text) as AttemptInFull));
      exit(0);
    });
  withExamples(
    command,
    "fluxhook attempt 5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001",
    "fluxhook attempt 5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001 --verify",
    "fluxhook attempt 5f0c3a52-7d0e-4c7c-9d2b-0a2c8f4c0001 --curl | sh",
  );
}

function attemptText(shown: AttemptInFull): string {
  const { attempt, attempts, request, response } = shown;
  const parts = [details(factsOf(shown))];
  if (request) parts.push(requestText(request));
  if (response) parts.push(responseText(response));
  if (attempts.length > 1 || attempt === null) parts.push(logTable(attempts));
  return parts.join("\n\n");
}

function factsOf(shown: AttemptInFull): [string, Cell][] {
  const { attempt, failure, timing, redeliver } = shown;
  const facts: [string, Cell][] = [["webhook", shown.webhook_id]];
  if (attempt) {
    facts.push(
      ["endpoint", attempt.endpoint],
      ["event", `${attempt.event} (${attempt.id})`],
      ["attempt", `${attempt.attempt}, ${attempt.timestamp}, ${attempt.duration_ms} ms`],
      ["outcome", outcome(attempt)],
    );
  }
  if (failure) facts.push(...failureFacts(failure));
  if (timing) facts.push(["timing", timingText(timing)]);
  const { state, next_attempt_at, parked_until, remaining_attempts } = shown;
  const until = next_attempt_at ?? parked_until;
  const left = remaining_attempts === null ? "" : `; ${remaining_attempts} attempts left`;
  facts.push(
    ["delivery", `${state}${until === null ? "" : ` until ${until}`}${left}`],
    ["redeliver", redeliver.possible ? "possible" : `not possible: ${redeliver.why_not}`],
  );
  return facts;
}

function failureFacts({
  phase,
  code,
  timeout_ms,
  certificate,
}: NonNullable<AttemptInFull["failure"]>): [string, Cell][] {
  const where = [
    phase ?? "",
    code ?? "",
    timeout_ms === null ? "" : `time-out of ${timeout_ms} ms`,
  ];
  const facts: [string, Cell][] = [["failed in", where.filter((part) => part !== "").join(", ")]];
  if (certificate === null) return facts;
  const { names, valid_from, valid_to, issuer } = certificate;
  facts.push([
    "certificate",
    `for ${names.join(", ")}; valid from ${valid_from} to ${valid_to}; issued by ${issuer}`,
  ]);
  return facts;
}

function timingText(timing: NonNullable<AttemptInFull["timing"]>): string {
  return Object.entries(timing)
    .flatMap(([name, ms]) => (ms === null ? [] : `${name.replace("_ms", "")} ${ms} ms`))
    .join(", ");
}

type Fields = readonly { name: string; value: string }[];

function requestText(request: NonNullable<AttemptInFull["request"]>): string {
  const head = [`POST ${request.target ?? ""}`, ...fieldLines(request.headers)];
  const body = request.body ?? `(the body is not shown: ${request.body_missing})`;
  const shown = request.is_sent ? head : ["no request was sent; its body:"];
  return [...shown.map((line) => colors.dim("> ") + printable(line)), printableLines(body)].join(
    "\n",
  );
}

function responseText(response: NonNullable<AttemptInFull["response"]>): string {
  const { status, status_text, excerpt, is_cut, size } = response;
  const head = [`${status} ${status_text}`.trim(), ...fieldLines(response.headers)];
  const body = excerpt === null ? `(not text: ${size} bytes)` : printableLines(excerpt);
  return [
    ...head.map((line) => colors.dim("< ") + printable(line)),
    body + (is_cut ? `\n(cut off: ${size} bytes arrived)` : ""),
  ].join("\n");
}

function fieldLines(fields: Fields): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

function checkText({ signatures }: SignatureCheck): string {
  return details(
    signatures.map(({ header, matches, secret }) => [
      header,
      matches
        ? { text: `matches the ${secret} secret`, paint: colors.green }
        : { text: "matches no secret of now", paint: colors.red },
    ]),
  );
}
