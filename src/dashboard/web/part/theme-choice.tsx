import { chooseTheme, theme, THEMES } from "../theme.ts";

export function ThemeChoice() {
  return (
    <select
      aria-label="Colours"
      value={theme.value}
      onChange={({ currentTarget }) => {
        chooseTheme(THEMES.find((one) => one === currentTarget.value) ?? "system");
      }}
    >
      <option value="system">System colours</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}
