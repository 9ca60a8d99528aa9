// Light or dark: the system's, unless the reader chose. And the portal's accent.
import { signal } from "@preact/signals";
import { config } from "./boot.ts";
import { readableOn } from "./contrast.ts";

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
