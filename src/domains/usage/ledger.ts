/**
 * The ledger of calls to language models: every call once, with its price, and sums by
 * day that are never apart from the calls they are made of.
 *
 * - A call is durable when its receipt is answered, and in the sums with the same commit.
 * - A call that is told twice is one when an id says so (`keys.ts`); without any id each
 *   telling is a call.
 * - What cannot be booked is rejected alone, with a reason; a model that nobody prices is
 *   booked without a cost and counted, never at 0.
 * - Who tells more than can be written hears `unavailable`; nothing that was taken is lost
 *   by that, and nothing waits without bound.
 *
 * Calls lie in partitions by month and are dropped after `usage.retention`; the sums
 * stay. The ledger asks nobody for usage: calls are told to it (the domain `ingest`).
 */
import type { App } from "#app.ts";
import { AppError } from "#errors.ts";
import { createPriceList } from "#prices/price.ts";

import { createIds, writeBatch } from "./batch.ts";
import { type Entry, type Origin, toEntry } from "./entry.ts";
import { createMonths, monthOf } from "./partitions.ts";
import { claimTimezone, readState } from "./queries.ts";
import { createQueue } from "./queue.ts";
import { retentionMs } from "./retention.ts";
import type { Call, Receipt } from "./schema.ts";

export type { Origin } from "./entry.ts";

export type Ledger = {
  /**
   * Resolves when the calls are durable, with receipts in their order. It throws
   * `unavailable` when too many wait, and whatever a store throws that is away: then
   * nobody knows, and the same calls with the same ids may be told again.
   */
  record(calls: readonly Call[], origin: Origin): Promise<Receipt[]>;
  /** Counts what was told as a call and is none; nothing is written. */
  reject(count: number, origin: Pick<Origin, "source">): void;
  /** Takes no more, and resolves when what was taken has its answer. A second call does nothing. */
  close(): Promise<void>;
  stats(): LedgerStats;
};

export type LedgerStats = {
  /** Calls that wait or are being written. */
  waiting: number;
  /** What became of calls since the start, by source. */
  sources: Readonly<Record<string, Readonly<Record<Receipt["state"], number>>>>;
};

export type LedgerOptions = {
  /** Calls in one statement. Default 4,000. */
  mostAtOnce?: number;
  /** Calls that wait before more are refused. Default 50,000. */
  mostWaiting?: number;
};

const mostWaitingBytes = 128 * 1024 * 1024;

/** One for each program; `leveredge serve` makes its own where the routes are made. */
export function createLedger(
  app: Pick<App, "db" | "now" | "config">,
  { mostAtOnce = 4_000, mostWaiting = 50_000 }: LedgerOptions = {},
): Ledger {
  const { config } = app;
  const prices = createPriceList({ overrides: config.usage?.prices ?? [] });
  const tools = { db: app.db, months: createMonths(app.db), takeIds: createIds(app.db) };
  const queue = createQueue((entries) => writeBatch(tools, entries), { mostAtOnce });
  const sources: Record<string, Record<Receipt["state"], number>> = {};
  const pending = new Set<Promise<unknown>>();
  let opened: Promise<number> | undefined;
  let isClosed = false;

  const open = async (): Promise<number> => {
    await claimTimezone(app.db, config.platform.timezone);
    return Date.parse((await readState(app.db)).completeFrom);
  };
  /** Remembered once it worked. */
  const readCompleteFrom = (): Promise<number> => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };

  const book = async (calls: readonly Call[], origin: Origin): Promise<Receipt[]> => {
    const now = app.now();
    const completeFromMs = await readCompleteFrom();
    const oldestMs = Math.max(completeFromMs, Date.parse(monthOf(new Date(now.getTime() - retentionMs(config)))));
    const results = calls.map((call) => {
      const result = toEntry(call, origin, { now, prices });
      return "state" in result || result.createdAtUs >= oldestMs * 1000 ? result : refuseOld(result, oldestMs);
    });
    if (origin.isWhole && results.some((result) => "state" in result)) {
      return results.map((result) => ("state" in result ? result : { state: "rejected" }));
    }
    const entries = results.filter((result): result is Entry => !("state" in result));
    if (entries.length > 0) refuseFlood(entries);
    const written = (await queue.add(entries)).values();
    return results.map((result) => ("state" in result ? result : (written.next().value ?? missing)));
  };

  const refuseFlood = (entries: readonly Entry[]): void => {
    const { calls, bytes } = queue.size();
    const sizeBytes = entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
    if (calls === 0 || (calls + entries.length <= mostWaiting && bytes + sizeBytes <= mostWaitingBytes)) return;
    throw new AppError("unavailable", `${calls} calls wait to be written`, {
      hint: "Send them again in a few seconds, with the same ids.",
    });
  };

  const countsOf = (source: string): Record<Receipt["state"], number> =>
    (sources[source] ??= { recorded: 0, duplicate: 0, rejected: 0 });

  return {
    record: async (calls, origin) => {
      if (isClosed) throw new AppError("unavailable", "the ledger is closed", { hint: "Send the calls again." });
      const booking = book(calls, origin);
      pending.add(booking);
      try {
        const receipts = await booking;
        const counts = countsOf(origin.source);
        for (const { state } of receipts) counts[state] += 1;
        return receipts;
      } finally {
        pending.delete(booking);
      }
    },
    reject: (count, { source }) => {
      countsOf(source).rejected += count;
    },
    close: async () => {
      isClosed = true;
      await Promise.allSettled(pending);
    },
    stats: () => ({ waiting: queue.size().calls, sources: structuredClone(sources) }),
  };
}

const missing: Receipt = { state: "rejected", reason: "it was not written" };

function refuseOld({ call }: Entry, oldestMs: number): Receipt & { state: "rejected" } {
  const oldest = new Date(oldestMs).toISOString();
  return {
    state: "rejected",
    reason: `created_at ${call.created_at} is before ${oldest}: calls of that time are not kept`,
  };
}
