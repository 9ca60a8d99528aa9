// Prints the settings for `--help` and for the README's table, both from the same schema.
import { settingRows } from "./settings.ts";

const WIDTH = 100;

export function settingsHelp(): string {
  const rows = settingRows();
  const nameWidth = Math.max(...rows.map((row) => row.name.length)) + 2;
  const lines = rows.flatMap(({ name, fallback, description }) => {
    const text = `${description.replaceAll("`", "")}${fallback === "" ? "" : ` [${fallback}]`}`;
    return wrap(text, WIDTH - nameWidth - 2).map(
      (line, i) => `  ${(i === 0 ? name : "").padEnd(nameWidth)}${line}`,
    );
  });
  return `\nSettings, from the environment [default]:\n${lines.join("\n")}\n`;
}

export function settingsTable(): string {
  const rows = settingRows().map(
    ({ name, fallback, description }) =>
      `| \`${name}\` | ${fallback === "" ? "" : `\`${fallback}\``} | ${description} |`,
  );
  return ["| setting | default | |", "| --- | --- | --- |", ...rows].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
