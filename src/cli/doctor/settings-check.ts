// Reads the settings as `serve` does, but continues if some are invalid, so that the rest can be checked.
import {
  isGiven,
  readSettings,
  SETTINGS,
  SettingsError,
  variablesOf,
  type SettingName,
  type Settings,
} from "../../config/settings.ts";
import { ok, problem, type CheckResult } from "./check.ts";

const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export interface ReadSettings {
  /** An invalid setting has its default here; no check may use it. */
  settings: Settings;
  wrong: ReadonlySet<SettingName>;
  result: CheckResult;
}

export function checkSettings(environment: Record<string, string | undefined>): ReadSettings {
  try {
    const settings = readSettings(environment);
    const set = SETTING_NAMES.filter((name) => isGiven(name, environment));
    const fromFiles = set.filter((name) => environment[`FLUXHOOK_${name}_FILE`]);
    const files = fromFiles.length === 0 ? "" : ` (from files: ${fromFiles.join(", ")})`;
    return {
      settings,
      wrong: new Set(),
      result: {
        check: "settings",
        ...ok(`${set.length} set${files}, the others have their defaults`),
      },
    };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return {
      ...withoutWrong(environment, error.problems),
      result: {
        check: "settings",
        ...problem(
          error.problems.join("\n"),
          "`serve` does not start with these; `fluxhook --help` has the accepted forms",
        ),
      },
    };
  }
}

/** Every message begins with the name of its variable. */
function withoutWrong(
  environment: Record<string, string | undefined>,
  problems: readonly string[],
): Pick<ReadSettings, "settings" | "wrong"> {
  const names = new Set(problems.map((line) => line.split(" ", 1)[0] ?? ""));
  const isWrong = (name: SettingName) => variablesOf(name).some((variable) => names.has(variable));
  // An address without its secret is as invalid as the secret.
  if (isWrong("ALERT_SECRET")) names.add("FLUXHOOK_ALERT_URL");
  const wrong = SETTING_NAMES.filter(isWrong);
  // Includes the other variable of a secret, which may contradict the first.
  for (const name of wrong) for (const variable of variablesOf(name)) names.add(variable);
  const left = Object.entries(environment).filter(([name]) => !names.has(name));
  return { settings: readSettings(Object.fromEntries(left)), wrong: new Set(wrong) };
}
