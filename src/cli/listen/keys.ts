// Single keys on a terminal: `r` and Ctrl-C. The terminal is given back as it was, however it ends.

const CTRL_C = "\u0003";

export function hasKeys(): boolean {
  return process.stdin.isTTY;
}

/** Answers what gives the terminal back. Does nothing where there is none. */
export function watchKeys(onResend: () => void): () => void {
  const { stdin } = process;
  if (!hasKeys()) return () => {};
  const giveBack = () => stdin.setRawMode(false);
  stdin.setRawMode(true);
  process.once("exit", giveBack);
  stdin.setEncoding("utf8");
  stdin.on("data", (keys: string) => {
    // In raw mode the terminal makes no signal of it.
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
