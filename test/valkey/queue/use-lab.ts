// A lab that the tests of a file share.
import type { LocalValkey } from "../../../src/local-valkey/start.ts";
import { useOpened, useOwnValkey } from "../../support/use-opened.ts";
import { QueueLab } from "./test-queue.ts";

const close = (lab: QueueLab) => lab.close();

/** A lab on the server that all tests share. */
export function useLab(): QueueLab {
  return useOpened(() => QueueLab.open(), close);
}

/** A lab on a Valkey of the file's own. */
export function useOwnLab(): { valkey: LocalValkey; lab: QueueLab } {
  const valkey = useOwnValkey();
  const lab = useOpened(() => QueueLab.open(valkey.url), close);
  return { valkey, lab };
}
