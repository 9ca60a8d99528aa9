// Bun runs at most 256 fetches at a time unless its environment says otherwise at its start; the rest
// would wait inside Bun, unseen, with their time-outs running. So the process replaces itself once.

const VARIABLE = "BUN_CONFIG_MAX_HTTP_REQUESTS";
const MOST = "65535";

/** Same process id, same arguments, with the limit raised. Returns where that is done already. */
export function raiseFetchLimit(): void {
  if (process.env[VARIABLE] !== undefined || typeof process.execve !== "function") return;
  const script = Bun.isStandaloneExecutable ? [] : [process.argv[1] ?? ""];
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...script, ...process.argv.slice(2)],
    { ...process.env, [VARIABLE]: MOST },
  );
}
