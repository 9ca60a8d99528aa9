// Runs a command when this process dies for any reason: exit, Ctrl-C, SIGKILL, a crash. A shell in its
// own session waits for the end of a pipe that only this process holds open. Unlike `process.on("exit")`
// this works after SIGKILL, and unlike `setpriv --pdeathsig` it works on macOS.

export interface ProcessDeathHook {
  /** The command is no longer needed. */
  cancel(): void;
}

/** Runs the shell `script` with `args` as $1, $2, … after this process has died. */
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
