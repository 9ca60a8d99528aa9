// Reads single keys on a terminal: `r` and Ctrl-C. Always restores the terminal at the end.

const CTRL_C = "\u0003";

export function hasKeys(): boolean {
  return process.stdin.isTTY;
}

/** Returns a function that restores the terminal. Does nothing without a terminal. */
export function watchKeys(onResend: () => void): () => void {
  const { stdin } = process;
  if (!hasKeys()) return () => {};
  const giveBack = () => stdin.setRawMode(false);
  stdin.setRawMode(true);
  process.once("exit", giveBack);
  stdin.setEncoding("utf8");
  stdin.on("data", (keys: string) => {
    // In raw mode Ctrl-C does not raise a signal.
    if (keys.includes(CTRL_C)) process.kill(process.pid, "SIGINT");
    else if (keys.includes("r")) onResend();
  });
  stdin.resume();
  return () => {
    process.off("exit", giveBack);
    giveBack();
    stdin.pause();
  };
}
