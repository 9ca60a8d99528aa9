// Who may interrupt whom where a process has but one core: /proc/[pid]/task/[tid]/stat says the policy.
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { eventFor, openScene, register } from "../support/serve-scene.ts";

const NORMAL = 0;
const BATCH = 3;

/** proc_pid_stat(5): field 41, of which 38 stand behind the name in its parentheses. */
function policyOf(pid: number, thread: string): number {
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[38]);
}

test.if(process.platform === "linux")(
  "helper threads wait for the thread that delivers, which never waits for them",
  async () => {
    await using scene = await openScene();
    const receiver = scene.receiver();
    const service = await scene.serve();
    await register(service, { user_id: "u_1", url: receiver.url });
    await scene.push(eventFor("u_1"));
    await receiver.waitFor(1);

    const policies = () =>
      readdirSync(`/proc/${service.pid}/task`)
        .filter((thread) => thread !== String(service.pid))
        .map((thread) => policyOf(service.pid, thread));
    await eventually(() => policies().every((policy) => policy === BATCH));
    expect(policies().length).toBeGreaterThan(1);
    expect(policyOf(service.pid, String(service.pid))).toBe(NORMAL);
  },
);
