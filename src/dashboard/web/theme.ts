// Light or dark: the system's, unless the reader chose. And the portal's accent.
import { signal } from "@preact/signals";
import { config } from "./boot.ts";

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];

const KEY = "fluxhook:theme";

export const theme = signal<Theme>(readKept(KEY, THEMES) ?? "system");

export function applyLook(): void {
  document.documentElement.dataset.theme = theme.value;
  if (config.accent === null) return;
  const { style } = document.documentElement;
  style.setProperty("--fill", config.accent);
  style.setProperty("--on-fill", readableOn(config.accent));
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  keep(KEY, chosen);
  applyLook();
}

/** Black or white: one of the two always has a contrast of 4.5 or more (WCAG 2.2, 1.4.3). */
export function readableOn(color: string): "#000000" | "#ffffff" {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 ? "#ffffff" : "#000000";
}

/** What the reader chose earlier; null where it is none of these, or nothing is kept here. */
export function readKept<T extends string>(key: string, among: readonly T[]): T | null {
  try {
    const kept = localStorage.getItem(key);
    return among.find((one) => one === kept) ?? null;
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing is kept in this frame: it lasts as long as the page.
  }
}
