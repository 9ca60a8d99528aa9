// Reads the settings as `serve` does, but goes on where some are wrong: the rest is still to be checked.
import {
  readSettings,
  SETTINGS,
  SettingsError,
  type SettingName,
  type Settings,
} from "../../config.ts";
import { ok, problem, type CheckResult } from "./check.ts";

export interface ReadSettings {
  /** A wrong setting has its default in here; no check may judge that. */
  settings: Settings;
  wrong: ReadonlySet<SettingName>;
  result: CheckResult;
}

export function checkSettings(environment: Record<string, string | undefined>): ReadSettings {
  try {
    const settings = readSettings(environment);
    const set = Object.keys(SETTINGS).filter((name) => environment[`FLUXHOOK_${name}`]);
    return {
      settings,
      wrong: new Set(),
      result: { check: "settings", ...ok(`${set.length} set, the others have their defaults`) },
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

/** Every problem begins with the name of its variable. */
function withoutWrong(
  environment: Record<string, string | undefined>,
  problems: readonly string[],
): Pick<ReadSettings, "settings" | "wrong"> {
  const names = new Set(problems.map((line) => line.split(" ", 1)[0] ?? ""));
  // An address without its secret is as wrong as the secret.
  if (names.has("FLUXHOOK_ALERT_SECRET")) names.add("FLUXHOOK_ALERT_URL");
  const left = Object.entries(environment).filter(([name]) => !names.has(name));
  const wrong = (Object.keys(SETTINGS) as SettingName[]).filter((name) =>
    names.has(`FLUXHOOK_${name}`),
  );
  return { settings: readSettings(Object.fromEntries(left)), wrong: new Set(wrong) };
}
