// What a page shows of the API: loaded when it opens, again when it is told to, and every so often while
// somebody looks.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { refusedOf, type Refused } from "./client.ts";

export interface Loaded<T> {
  /** The last answer; it stays while a newer one is awaited or fails. */
  data: T | undefined;
  refused: Refused | null;
  /** Loads now, and drops an answer that is awaited. */
  reload: () => void;
  /** Loads in a moment, after what is under way: however often it is called meanwhile, once. */
  refresh: () => void;
}

/** Several changes at once are one look. */
const REFRESH_AFTER_MS = 100;

/** Loads again where `key` changes. `everyMs` 0: never by itself. */
export function useLoad<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  everyMs = 0,
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; refused: Refused | null }>({
    key,
    refused: null,
  });
  const [asked, setAsked] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  const refreshNow = useRef(() => {});

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isRunning = false;
    let isWanted = false;
    async function run(): Promise<void> {
      isRunning = true;
      isWanted = false;
      try {
        const data = await latest.current(stop.signal);
        if (!stop.signal.aborted) setState({ key, data, refused: null });
      } catch (error) {
        if (stop.signal.aborted) return;
        const refused = refusedOf(error);
        setState((last) => {
          const data = last.key === key ? last.data : undefined;
          // An outage is said once, for the whole page; what is shown stays.
          const isSaid = data !== undefined && (refused.status === 0 || refused.status === 503);
          return { key, data, refused: isSaid ? null : refused };
        });
      }
      isRunning = false;
      if (stop.signal.aborted) return;
      if (isWanted) timer = setTimeout(again, REFRESH_AFTER_MS);
      else if (everyMs > 0) timer = setTimeout(again, everyMs);
    }
    refreshNow.current = () => {
      if (!isRunning && !isWanted) {
        clearTimeout(timer);
        timer = setTimeout(again, REFRESH_AFTER_MS);
      }
      isWanted = true;
    };
    function again(): void {
      // A tab that nobody sees asks nothing; it asks at once when it is looked at.
      if (document.hidden) document.addEventListener("visibilitychange", again, { once: true });
      else void run();
    }
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }, [key, asked, everyMs]);

  const reload = useCallback(() => setAsked((times) => times + 1), []);
  const refresh = useCallback(() => refreshNow.current(), []);
  const isCurrent = state.key === key;
  return {
    data: isCurrent ? state.data : undefined,
    refused: isCurrent ? state.refused : null,
    reload,
    refresh,
  };
}

export interface Action {
  isRunning: boolean;
  refused: Refused | null;
  run: () => void;
  /** Forgets what was refused: it is about something that is no longer shown. */
  clear: () => void;
}

/** Something that a button does: once at a time, and what is refused is kept to be shown. */
export function useAction(act: () => Promise<void>): Action {
  const [isRunning, setRunning] = useState(false);
  const [refused, setRefused] = useState<Refused | null>(null);
  const run = () => {
    if (isRunning) return;
    setRunning(true);
    setRefused(null);
    act()
      .catch((error: unknown) => setRefused(refusedOf(error)))
      .finally(() => setRunning(false));
  };
  const clear = useCallback(() => setRefused(null), []);
  return { isRunning, refused, run, clear };
}
