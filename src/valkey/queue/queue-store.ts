// One queue in Valkey: its list, claims, schedule and lanes. Each method is one script, and so one atomic step.
import { randomBytes } from "node:crypto";
import { ValkeyFull, ValkeyUnavailable } from "../connection/errors.ts";
import type { StoreLink } from "../connection/link.ts";
import { readClaimReply, type ClaimReply } from "./claim-reply.ts";
import type { Cut } from "./claimed.ts";
import { newItem, type DeliveryHeader } from "./item.ts";
import { queueKeys, type QueueKeys } from "../keys.ts";
import { countedWith, settlementArguments, type Settle } from "./settlement.ts";
import type { WorkerInfo } from "../../wire/worker-info.ts";
import { Script, type ScriptArgument, type ScriptReply } from "../connection/script.ts";
import beatText from "../scripts/beat.lua" with { type: "text" };
import claimText from "../scripts/claim.lua" with { type: "text" };
import parkedIndexText from "../scripts/parked-index.lua" with { type: "text" };
import popText from "../scripts/pop.lua" with { type: "text" };
import pushText from "../scripts/push.lua" with { type: "text" };
import settleText from "../scripts/settle.lua" with { type: "text" };
import takeoverText from "../scripts/takeover.lua" with { type: "text" };

export type { ClaimReply };

export const claimScript = new Script(claimText);
export const settleScript = new Script(settleText, parkedIndexText);
const beatScript = new Script(beatText);
const takeoverScript = new Script(takeoverText);
const pushScript = new Script(pushText);
const popScript = new Script(popText);

export interface ClaimRequest {
  worker: string;
  /** One more than the number of the last batch that arrived; after a lost reply, the same number again. */
  number: number;
  maxItems: number;
  maxBytes: number;
  /** Up to this many of the items come from the list; 0: none. */
  maxFromList: number;
  /** The reply reports up to this many lanes that are not empty, and up to this many pauses. */
  reportLimit: number;
  cut: Cut;
  lanes: readonly { webhookId: string; maxItems: number }[];
}

/** Some claims could not be settled and are still held. All others are settled. */
export class UnsettledClaims extends Error {
  constructor(
    message: string,
    /** Their indices in the entries. */
    readonly entries: readonly number[],
  ) {
    super(message);
  }
}

export class QueueStore {
  readonly keys: QueueKeys;

  constructor(
    private readonly link: StoreLink,
    readonly queue: string,
  ) {
    this.keys = queueKeys(queue);
  }

  async claim(request: ClaimRequest): Promise<ClaimReply> {
    const { keys } = this;
    const reply = (await this.link.run((client) =>
      claimScript.run(
        client,
        [
          keys.queue,
          keys.workers,
          keys.worker(request.worker),
          keys.claims(request.worker),
          keys.ready,
          keys.schedule,
          keys.scheduled,
          keys.lanes,
          keys.events,
          keys.paused,
          keys.stats,
          keys.next,
        ],
        [
          keys.base,
          request.worker,
          request.number,
          request.maxItems,
          request.maxBytes,
          request.maxFromList,
          request.reportLimit,
          request.cut.over,
          request.cut.to,
          ...request.lanes.flatMap((lane) => [lane.webhookId, lane.maxItems]),
        ],
      ),
    )) as ScriptReply[];
    return readClaimReply(request.worker, reply);
  }

  /**
   * Ends claims of one worker, those that end alike `via` another connection. Returns for each whether it was still
   * held; of those that end alike the number of these is right. `isRepeated`: the reply of an earlier call was lost.
   * @throws UnsettledClaims if some must be settled again
   */
  async settle(
    worker: string | null,
    entries: readonly Settle[],
    { via = this.link, isRepeated = false }: { via?: StoreLink; isRepeated?: boolean } = {},
  ): Promise<boolean[]> {
    const { keys } = this;
    // A transaction counts before it is known what was still held. Repeated, and its reply lost again, it would count
    // twice; the script counts what it ends.
    const isSimple = worker !== null && !isRepeated;
    const settled = isSimple ? await this.settleAlike(worker, entries, via) : null;
    if (settled !== null) return settled;
    const args: ScriptArgument[] = [keys.base];
    // Most claims are done and carry their own bytes. The script only needs the numbers of these.
    const ended = new Map<string, number[]>();
    const order: number[] = [];
    for (const [at, entry] of entries.entries()) {
      const { claim, settlement } = entry;
      const counts = countedWith(entry);
      if (counts) args.push("counts", claim.number, counts.filtered, counts.filterErrors);
      else if (settlement.verb === "done" && claim.shared === false && worker !== null) {
        const alike = ended.get(settlement.ending);
        if (alike) alike.push(at);
        else ended.set(settlement.ending, [at]);
        continue;
      }
      order.push(at);
      args.push(settlement.verb, claim.number, ...settlementArguments(settlement));
      if (worker === null) args.push(claim.bytes ?? "");
    }
    for (const [ending, alike] of ended) {
      order.push(...alike);
      args.push("ended", alike.map((at) => entries[at]?.claim.number).join(" "), ending);
    }
    const [verdicts, problem] = (await this.link.run((client) =>
      settleScript.run(
        client,
        [
          keys.queue,
          keys.claims(worker ?? ""),
          keys.ready,
          keys.schedule,
          keys.scheduled,
          keys.lanes,
          keys.events,
          keys.refs,
          keys.parked,
          keys.parkedItems,
          keys.stats,
        ],
        args,
      ),
    )) as [Buffer, Buffer];
    const held: boolean[] = [];
    const unsettled: number[] = [];
    for (const [nth, at] of order.entries()) {
      held[at] = verdicts[nth] === HELD;
      if (verdicts[nth] === UNSETTLED) unsettled.push(at);
    }
    if (unsettled.length > 0) throw new UnsettledClaims(String(problem), unsettled);
    return held;
  }

  /**
   * Ends claims that need nothing else, in one transaction: it costs Valkey a third of the script if they are few
   * (measured: docs/performance.md, "At everyday rates"), and less for each of many. Returns null if the script is
   * needed: for other endings, or after an error, which the script then names.
   */
  private async settleAlike(
    worker: string,
    entries: readonly Settle[],
    via: StoreLink,
  ): Promise<boolean[] | null> {
    const [first] = entries;
    if (first?.settlement.verb !== "done") return null;
    const { ending } = first.settlement;
    for (const { claim, settlement } of entries) {
      const isAlike = settlement.verb === "done" && settlement.ending === ending;
      if (!isAlike || claim.shared !== false || claim.filterCounts !== undefined) return null;
    }
    const { keys } = this;
    const numbers = entries.map(({ claim }) => claim.number);
    try {
      const [removed, counted] = await via.run(async (client) => {
        const transaction = client.multi();
        // Fenced: a worker that was declared dead has no claims left.
        transaction.hdel(keys.claims(worker), ...numbers);
        transaction.hincrby(keys.stats, ending, entries.length);
        return (await transaction.exec()) ?? [];
      });
      const held = removed?.[0] ? 0 : Number(removed?.[1] ?? 0);
      const notHeld = entries.length - held;
      if (notHeld > 0 && !counted?.[0]) {
        // Not by `via`: its connection may be waiting for the next element by now.
        await this.link.run((client) => client.hincrby(keys.stats, ending, -notHeld));
      }
      if (removed?.[0] || counted?.[0]) return null;
      // They end alike, so it makes no difference which of them were held.
      return entries.map((_, at) => at < held);
    } catch (error) {
      // At its memory limit Valkey refuses HINCRBY, and with it the transaction. The script is allowed to run.
      if (error instanceof ValkeyUnavailable && !(error instanceof ValkeyFull)) throw error;
      return null;
    }
  }

  /**
   * Records a heartbeat; `join` makes the worker known. Returns the workers whose lease has run out, whether somebody
   * looks at the stream of attempts, and whether there may be something to claim.
   */
  async beat(
    worker: string,
    options: { join: boolean; leaseMs: number; info?: WorkerInfo },
  ): Promise<{ known: boolean; dead: string[]; watched: boolean; hasWork: boolean }> {
    const { keys } = this;
    const [known, dead, watched, hasWork] = (await this.link.run((client) =>
      beatScript.run(
        client,
        [
          keys.workers,
          keys.watched,
          keys.worker(worker),
          keys.schedule,
          keys.queue,
          keys.next,
          keys.ready,
          keys.lanes,
        ],
        [worker, options.join ? "1" : "0", options.leaseMs, infoText(options.info)],
      ),
    )) as [number, Buffer[], number, number];
    return {
      known: known === 1,
      dead: dead.map(String),
      watched: watched === 1,
      hasWork: hasWork === 1,
    };
  }

  /** Takes over the claims of a worker whose lease has run out. Returns how many, or null if it is alive. */
  async takeOver(dead: string, leaseMs: number): Promise<number | null> {
    const requeued = await this.requeueClaims(dead, ["dead", leaseMs]);
    return requeued < 0 ? null : requeued;
  }

  /** Removes a worker that stops. Its claims go to the workers that claim next; returns how many. */
  leave(worker: string): Promise<number> {
    return this.requeueClaims(worker, ["leave", 0]);
  }

  /** Requeues claims that a living worker no longer knows of. Returns how many were still held. */
  abandonLost(worker: string, claims: readonly string[]): Promise<number> {
    return this.requeueClaims(worker, ["lost", 0, ...claims]);
  }

  /** Returns the numbers of all claims that Valkey has of a worker. */
  heldBy(worker: string): Promise<string[]> {
    return this.link.run((client) => client.hkeys(this.keys.claims(worker)));
  }

  private async requeueClaims(worker: string, args: ScriptArgument[]): Promise<number> {
    const { keys } = this;
    const requeued = await this.link.run((client) =>
      takeoverScript.run(
        client,
        [keys.workers, keys.worker(worker), keys.claims(worker), keys.ready],
        [worker, ...args],
      ),
    );
    return Number(requeued);
  }

  /** Adds a new delivery to the ready list. */
  async enqueue(header: DeliveryHeader, bytes: Buffer | string): Promise<void> {
    await this.link.run((client) => client.lpush(this.keys.ready, newItem(header, bytes)));
  }

  /**
   * Takes elements off the left end (`FLUXHOOK_CLAIM=blpop`: each is delivered at most once). An element that is
   * too large is not returned: it is cut and goes to the ready list.
   */
  async pop(
    maxItems: number,
    maxBytes: number,
    cut: Cut,
  ): Promise<{ elements: Buffer[]; listLength: number }> {
    const { queue, ready } = this.keys;
    const name = `popped-${randomBytes(12).toString("hex")}`;
    const [listLength, elements] = (await this.link.run((client) =>
      popScript.run(client, [queue, ready], [maxItems, maxBytes, cut.over, cut.to, name]),
    )) as [number, Buffer[]];
    return { elements, listLength };
  }

  /**
   * Pushes elements, all or none. If the idempotency key was used before with the same fingerprint, it pushes
   * nothing and returns the ids of the first request.
   */
  async push(
    elements: readonly string[],
    idempotency: { key: string; fingerprint: string } | null,
    ids: readonly string[],
  ): Promise<{ pushed: true; ids: string[] } | { pushed: false; why: "key-reused" }> {
    const { keys } = this;
    const [verdict, first] = (await this.link.run((client) =>
      pushScript.run(
        client,
        [keys.queue, keys.idempotency(idempotency?.key ?? "")],
        [idempotency?.fingerprint ?? "", ids.join(","), IDEMPOTENCY_TTL_S, ...elements],
      ),
    )) as [Buffer, Buffer?];
    if (String(verdict) === "reused") return { pushed: false, why: "key-reused" };
    return { pushed: true, ids: first ? String(first).split(",") : [...ids] };
  }
}

function infoText(info: WorkerInfo | undefined): string {
  return info === undefined ? "" : JSON.stringify(info);
}

const IDEMPOTENCY_TTL_S = 86_400;
const HELD = "1".charCodeAt(0);
const UNSETTLED = "!".charCodeAt(0);
