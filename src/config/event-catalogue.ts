// Reads the file of FLUXHOOK_EVENT_CATALOGUE: a JSON array of event types. Every problem names the entry and
// the field.
import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { decodeUtf8 } from "../wire/bytes.ts";
import {
  catalogueEntrySchema,
  MAX_CATALOGUE_ENTRIES,
  type EventTypeEntry,
} from "../wire/event-catalogue.ts";
import { measureNesting, tooDeepMessage } from "../wire/json-nesting.ts";
import { arrayElements, objectMembers, trimJson } from "../wire/json-spans.ts";
import { atOnce } from "../wire/steps.ts";
import { quoted } from "./forms.ts";

const MAX_BYTES = 1024 * 1024;
/** A file with thousands of problems is not answered with thousands of lines. */
const MAX_PROBLEMS = 20;

/** Turns a path into the entries of that file. */
export const catalogueFile = z.string().transform((path, context): readonly EventTypeEntry[] => {
  const read = readCatalogue(path);
  if (Array.isArray(read)) return read;
  for (const problem of read.problems.slice(0, MAX_PROBLEMS)) {
    context.addIssue({ code: "custom", message: `names ${quoted(path)}, ${problem}` });
  }
  if (read.problems.length > MAX_PROBLEMS) {
    const more = read.problems.length - MAX_PROBLEMS;
    context.addIssue({ code: "custom", message: `names ${quoted(path)}: ${more} more problems` });
  }
  return z.NEVER;
});

function readCatalogue(path: string): EventTypeEntry[] | { problems: string[] } {
  const text = readText(path);
  if (typeof text !== "string") return text;
  const nesting = atOnce(measureNesting(text));
  if (nesting.tooDeep !== null) return { problems: [`which ${tooDeepMessage(nesting)}`] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problems: [`which is not JSON: ${(error as Error).message}`] };
  }
  if (!Array.isArray(value)) {
    return { problems: ['which is not a JSON array such as [{"name":"order.paid"}]'] };
  }
  if (value.length > MAX_CATALOGUE_ENTRIES) {
    return { problems: [`which has more than ${MAX_CATALOGUE_ENTRIES} entries`] };
  }
  if (value.length === 0) return { problems: ["which has no entry"] };
  const problems: string[] = [];
  const entries: EventTypeEntry[] = [];
  const positions = new Map<string, number>();
  for (const [at, { start, end }] of arrayElements(text).entries()) {
    const parsed = catalogueEntrySchema.safeParse(value[at]);
    if (!parsed.success) {
      problems.push(...problemsOf(parsed.error, at));
      continue;
    }
    const { name, description, group = null, sample } = parsed.data;
    const first = positions.get(name);
    if (first !== undefined) {
      problems.push(`entry ${at}: name: ${quoted(name)} is the name of entry ${first} too`);
      continue;
    }
    positions.set(name, at);
    const ofEntry =
      sample === undefined ? null : memberText(trimJson(text.slice(start, end)), "sample");
    entries.push({ name, description, group, sample: ofEntry });
  }
  return problems.length > 0 ? { problems } : entries;
}

function readText(path: string): string | { problems: string[] } {
  try {
    // A pipe or a device may never end.
    const file = statSync(path);
    if (!file.isFile()) return { problems: ["which is not a file"] };
    if (file.size > MAX_BYTES) return { problems: [`which has more than ${MAX_BYTES} bytes`] };
    return decodeUtf8(readFileSync(path)) ?? { problems: ["which is not UTF-8 text"] };
  } catch (error) {
    const { code = String(error) } = error as { code?: string };
    return { problems: [`which cannot be read (${code}); check the path and its permissions`] };
  }
}

function problemsOf(error: z.ZodError, at: number): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map(
        (key) =>
          `entry ${at}: ${quoted(key)} is not a field; accepted are name, description, group and sample`,
      );
    }
    const field = issue.path.map(String).join(".");
    return [`entry ${at}: ${field === "" ? "" : `${field}: `}${issue.message}`];
  });
}

/** Cuts a member out as it was written: no number is rounded. The last one counts, as for JSON.parse. */
function memberText(object: string, name: string): string | null {
  const member = objectMembers(object).findLast(({ key }) => key === name);
  return member === undefined ? null : object.slice(member.start, member.end);
}
