// The stream of attempts for a page: open as long as the page is, and opened again where the filter changes.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Refused } from "./client.ts";
import { openStream, type StreamMode } from "./stream.ts";

export interface Live {
  mode: StreamMode;
  refused: Refused | null;
}

export function useStream(search: string, onEvent: (event: string, data: unknown) => void): Live {
  const [live, setLive] = useState<Live>({ mode: "connecting", refused: null });
  const latest = useRef(onEvent);
  latest.current = onEvent;
  useEffect(() => {
    setLive({ mode: "connecting", refused: null });
    return openStream({
      search,
      onEvent: (event, data) => latest.current(event, data),
      onMode: (mode) => setLive((last) => (last.mode === mode ? last : { mode, refused: null })),
      onRefused: (refused) => setLive({ mode: "away", refused }),
    });
  }, [search]);
  return live;
}
