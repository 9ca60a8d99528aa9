// What Bun and its allocator read of the environment at their start, and cannot be told later. So the
// process replaces itself once, before it has loaded anything else.
import { totalmem } from "node:os";

const VARIABLES: Record<string, string> = {
  // Memory goes back to the system a second after it was freed, in ms. At Bun's own pace it goes back
  // and is asked for again all the time: 5 to 10 % of a delivery (measured), and no less memory.
  MIMALLOC_PURGE_DELAY: "1000",
  // At least this long between two rounds of the allocator that give the free parts of used pages back, and between
  // two of the collector's timer (at Bun's own pace one second), in ms. Both go on at any rate: at 10 events a second
  // they were a third of the process's time (measured: docs/performance.md, "At everyday rates").
  MIMALLOC_PURGE_HOLES_MIN_INTERVAL: "5000",
  BUN_GC_TIMER_INTERVAL: "5000",
  // The heap's growth follows this and not the machine's memory, in bytes; it is no limit. With 10,000
  // webhooks it is 240 MB instead of 380 on a machine of 24 GB, at the same rate (measured).
  BUN_JSC_forceRAMSize: String(Math.min(512 * 1024 * 1024, totalmem())),
};

/** Same process id, same arguments, with these variables. Returns where all are set already. */
export function setOwnEnvironment(): void {
  const missing = Object.entries(VARIABLES).filter(([name]) => process.env[name] === undefined);
  if (missing.length === 0 || typeof process.execve !== "function") return;
  const script = Bun.isStandaloneExecutable ? [] : [process.argv[1] ?? ""];
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...script, ...process.argv.slice(2)],
    { ...process.env, ...Object.fromEntries(missing) },
  );
}
