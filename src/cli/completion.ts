// `fluxhook completion`: a script for the shell, which asks this command for the words that can follow.
// Event types are those of the operator's catalogue.
import type { Command, Option } from "commander";
import { readSettings } from "../config/settings.ts";
import { CATALOGUE } from "../wire/dialects/registry.ts";
import { printable } from "../wire/printable.ts";
import { ApiClient } from "./terminal/api-client.ts";
import { type Exit, withExamples } from "./terminal/usage.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

/** Each passes the words before the cursor, and the one that is being typed as the last. */
const SCRIPTS: Record<(typeof SHELLS)[number], string> = {
  bash: `_fluxhook() {
  local IFS=$'\\n'
  COMPREPLY=($(fluxhook completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _fluxhook fluxhook`,
  zsh: `#compdef fluxhook
_fluxhook() {
  local -a words_found
  words_found=("\${(@f)$(fluxhook completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${words_found[1]}" ]]; then compadd -- "\${words_found[@]}"; else _files; fi
}
compdef _fluxhook fluxhook`,
  fish: `complete -c fluxhook -a '(fluxhook completion --words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};

/** Somebody waits for the words. */
const API_WAIT_MS = 500;

/** The options whose value is an event type, and whether it may be a list of patterns. */
const TYPE_OPTIONS: Readonly<Record<string, { isList: boolean }>> = {
  "--event": { isList: false },
  "--events": { isList: true },
};

export function addCompletion(program: Command, exit: Exit): void {
  const command = program
    .command("completion")
    .description("print a script that completes commands, options and event types in a shell")
    .argument("<shell...>", `${SHELLS.join(", ")}; with --words the words so far`)
    .option("--words", "print the words that can follow; the scripts ask for them")
    .action(async (given: string[], { words: isAsked }: { words?: boolean }) => {
      if (isAsked) {
        const found = await nextWords(program, given);
        if (found.length > 0) console.log(found.map(printable).join("\n"));
        return exit(0);
      }
      const shell = SHELLS.find((one) => one === given[0]);
      if (shell === undefined || given.length > 1) {
        return command.error(`error: name one shell: ${SHELLS.join(", ")}`);
      }
      console.log(SCRIPTS[shell]);
      return exit(0);
    });
  withExamples(
    command,
    "fluxhook completion bash > ~/.local/share/bash-completion/completions/fluxhook",
    "fluxhook completion fish > ~/.config/fish/completions/fluxhook.fish",
  );
}

/** Returns what can stand in place of the last word. None means: the shell offers files. */
async function nextWords(program: Command, words: readonly string[]): Promise<string[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  let command = program;
  let positions = 0;
  let pending: Option | undefined;
  for (const word of before) {
    if (pending !== undefined) pending = undefined;
    else if (word.startsWith("-")) pending = takesValue(command, word);
    else {
      const inner: Command | undefined = command.commands.find((one) => one.name() === word);
      if (inner === undefined) positions += 1;
      else command = inner;
    }
  }
  const starting = (all: readonly string[]) => all.filter((one) => one.startsWith(typed));
  if (pending !== undefined) {
    if (pending.argChoices !== undefined) return starting(pending.argChoices);
    const types = TYPE_OPTIONS[pending.long ?? ""];
    return types === undefined ? [] : typesFor(typed, types.isList);
  }
  if (typed.startsWith("-")) {
    const flags = command.options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []);
    return starting([...flags, "--help"]);
  }
  if (command.commands.length > 0) return starting(command.commands.map((one) => one.name()));
  const [first] = command.registeredArguments;
  if (positions > 0 || first === undefined) return [];
  if (first.name() === "shell") return starting(SHELLS);
  return first.name() === "event" ? typesFor(typed, false) : [];
}

function takesValue(command: Command, flag: string): Option | undefined {
  const option = command.options.find(({ long, short }) => long === flag || short === flag);
  return option?.required || option?.optional ? option : undefined;
}

/** Completes the last of several types with commas between them. */
async function typesFor(typed: string, isList: boolean): Promise<string[]> {
  const comma = isList ? typed.lastIndexOf(",") + 1 : 0;
  const head = typed.slice(0, comma);
  const types = await eventTypes();
  const groups = types.flatMap((type) =>
    type.includes(".") ? `${type.slice(0, type.lastIndexOf("."))}.*` : [],
  );
  const all = isList ? [...types, ...new Set(groups)] : types;
  return all.map((one) => head + one).filter((one) => one.startsWith(typed));
}

/** From the file that this environment names; else the service's; else those of the dialects. */
async function eventTypes(): Promise<readonly string[]> {
  try {
    const { EVENT_CATALOGUE, API_TOKEN } = readSettings(process.env);
    if (EVENT_CATALOGUE !== undefined) return EVENT_CATALOGUE.map(({ name }) => name);
    if (API_TOKEN === undefined) return [...CATALOGUE];
    const answer = await ApiClient.ofEnvironment().ask("GET", "/v1/event-types", {
      timeoutMs: API_WAIT_MS,
    });
    if (answer.kind !== "answered") return [...CATALOGUE];
    const found = JSON.parse(answer.text) as { catalogue: { name: string }[] };
    return found.catalogue.length > 0 ? found.catalogue.map(({ name }) => name) : [...CATALOGUE];
  } catch {
    // A wrong setting: the command itself says so when it runs.
    return [...CATALOGUE];
  }
}
