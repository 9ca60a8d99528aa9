// The compiler, the garbage collector and the allocator work in threads of their own, and under the usual
// policy each of their wake-ups may interrupt the one that delivers. As SCHED_BATCH (sched(7)) they
// wait for it where they share a core with it: a tenth to a third less processor time for a delivery
// (measured, one core). Not so the delivering thread itself, which would wait for them in turn.
import { dlopen, FFIType } from "bun:ffi";
import { readdirSync } from "node:fs";

/** sched.h; anybody may ask for it for themselves. */
const SCHED_BATCH = 3;
const THREADS = "/proc/self/task";
/** Threads start with the work that they are for, most of them soon after the process. */
const FIRST_LOOKS_MS = 1_000;
const FIRST_LOOKS = 10;
const LOOK_EVERY_MS = 10_000;

/** For the threads that help this one, now and later. */
export function scheduleHelpersAsBatch(): void {
  if (process.platform !== "linux") return;
  try {
    const libc = dlopen("libc.so.6", {
      sched_setscheduler: {
        args: [FFIType.i32, FFIType.i32, FFIType.ptr],
        returns: FFIType.i32,
      },
    });
    // struct sched_param: the priority, which is 0 for all but the real-time policies.
    const priority = new Int32Array([0]);
    let known = new Set([String(process.pid)]);
    const look = () => {
      try {
        const threads = readdirSync(THREADS);
        for (const thread of threads) {
          if (!known.has(thread))
            libc.symbols.sched_setscheduler(Number(thread), SCHED_BATCH, priority);
        }
        known = new Set(threads);
      } catch {
        // No file may be left to open: the next look is soon.
      }
    };
    look();
    let looks = 0;
    const first = setInterval(() => {
      look();
      looks += 1;
      if (looks === FIRST_LOOKS) clearInterval(first);
    }, FIRST_LOOKS_MS).unref();
    setInterval(look, LOOK_EVERY_MS).unref();
  } catch {
    // Another libc, or no /proc: it works as well, and costs more.
  }
}
