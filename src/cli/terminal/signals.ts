// The signals that end a command. A second one ends it at once.

/** Resolves with the first SIGINT or SIGTERM. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve(signal);
      });
    }
  });
}

/** Resolves when the reader of the output ends (`| head`). */
export function untilNobodyReads(): Promise<string> {
  return new Promise((resolve) => {
    process.stdout.on("error", () => resolve("the reader has ended"));
  });
}
