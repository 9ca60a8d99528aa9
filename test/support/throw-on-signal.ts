// Loaded into a running `fluxhook` before its own code: on SIGUSR2 a promise is rejected that nobody
// awaits, with an error that holds what Valkey's and fetch's errors hold.
const { FLUXHOOK_VALKEY_URL = "", ...rest } = process.env;

process.on("SIGUSR2", () => {
  const cause = Object.assign(new Error(`at ${FLUXHOOK_VALKEY_URL}`), {
    path: FLUXHOOK_VALKEY_URL,
  });
  const error = new Error("forced", { cause });
  void Promise.reject(
    Object.assign(error, { command: { name: "auth", args: [FLUXHOOK_VALKEY_URL, rest] } }),
  );
});
