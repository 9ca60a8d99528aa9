import { areOn, isHelpOpen, switchShortcuts, type Destination } from "../shortcuts.ts";
import { Dialog } from "./dialog.tsx";
import { ThemeChoice } from "./theme-choice.tsx";

const KEYS: readonly [keys: string, what: string][] = [
  ["/", "search"],
  ["j k", "next row, previous row"],
  ["Enter", "open the row"],
  ["Esc", "close"],
  ["f", "search everything"],
  ["Space", "pause or resume, on the page Live"],
  ["?", "this list"],
];

export function ShortcutHelp({ destinations }: { destinations: readonly Destination[] }) {
  return (
    <footer class="bar">
      <ThemeChoice />
      <button type="button" class="quiet" onClick={() => (isHelpOpen.value = true)}>
        Keyboard
      </button>
      {isHelpOpen.value && (
        <Dialog title="Keyboard" onClose={() => (isHelpOpen.value = false)}>
          <dl class="facts">
            {[
              ...KEYS,
              ...destinations.map(({ key, title }): [string, string] => [`g ${key}`, title]),
            ].map(([keys, what]) => (
              <div>
                <dt>
                  {keys.split(" ").map((key) => (
                    <kbd>{key}</kbd>
                  ))}
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
          <label class="tick">
            <input
              type="checkbox"
              checked={areOn.value}
              onChange={({ currentTarget }) => switchShortcuts(currentTarget.checked)}
            />
            Use these keys
          </label>
        </Dialog>
      )}
    </footer>
  );
}
