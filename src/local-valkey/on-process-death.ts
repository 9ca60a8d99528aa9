// Has something done when this process dies, in any way: exit, Ctrl-C, SIGKILL, a crash.
// A shell in a session of its own waits for the end of a pipe that only this process holds open.
// Unlike `process.on("exit")` it survives SIGKILL, and unlike `setpriv --pdeathsig` it is on macOS.

export interface ProcessDeathHook {
  /** It need not be done any more. */
  cancel(): void;
}

/** Runs the shell `script` with `args` as $1, $2, … after the death of this process. */
export function runOnProcessDeath(script: string, ...args: string[]): ProcessDeathHook {
  const shell = Bun.spawn(["/bin/sh", "-c", `read -r _; ${script}`, "sh", ...args], {
    detached: true,
    cwd: "/",
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
  });
  shell.unref();
  return { cancel: () => shell.kill("SIGKILL") };
}
