/**
 * How long single calls stay. Keys go before the calls that they lead to: killed in
 * between, the next time goes on, and nobody can tell such a call again meanwhile,
 * because the ledger takes none of that time.
 */
import type { App } from "#app.ts";
import type { Config } from "#config/schema.ts";
import { readErrorCode } from "#errors.ts";
import { appendEvent, sealEvents } from "#events/events.ts";
import { transaction } from "#store/database.ts";

import {
  countKeyPages,
  deleteBridges,
  deleteKeys,
  dropPartition,
  listPartitions,
  makePartition,
} from "./partition-queries.ts";
import { monthOf } from "./partitions.ts";

export type Kept = { made: string[]; dropped: string[]; busy: string[]; keys: number };

const dayMs = 86_400_000;
/** The store's functions drop nothing younger, whatever the configuration says. */
const leastRetentionMs = 60 * dayMs;
const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: dayMs } as const;
/** A few thousand keys: their rows are not held long. */
const pagesAtOnce = 64;
const monthsAhead = 2;

/** What the configuration asks for, and never less than 60 days. */
export function retentionMs({ usage }: Pick<Config, "usage">): number {
  const [, amount = "", unit = ""] = /^([0-9]+)([smhd])$/.exec(usage?.retention ?? "400d") ?? [];
  // The configuration's schema knows these four.
  return Math.max(leastRetentionMs, Number(amount) * unitMs[unit as keyof typeof unitMs]);
}

/** Makes the months to come and drops those wholly older than the retention. A second call finds nothing to do. */
export async function keepPartitions(
  app: Pick<App, "db" | "keys" | "now" | "config" | "stateDir">,
  { actor, signal }: { actor: string; signal: AbortSignal },
): Promise<Kept> {
  const kept: Kept = { made: [], dropped: [], busy: [], keys: 0 };
  for (let ahead = 0; ahead <= monthsAhead; ahead += 1) {
    const month = monthOf(app.now(), ahead);
    if (await makePartition(app.db, month)) kept.made.push(month);
  }
  const oldest = monthOf(new Date(app.now().getTime() - retentionMs(app.config)));
  const old = (await listPartitions(app.db)).filter((month) => month < oldest);
  if (old.length === 0) return kept;
  kept.keys = await pruneKeys(app, oldest, signal);
  await deleteBridges(app.db, oldest);
  for (const month of old) {
    if (signal.aborted) break;
    kept[await dropMonth(app, month, actor)].push(month);
  }
  await sealEvents(app);
  return kept;
}

async function pruneKeys({ db }: Pick<App, "db">, before: string, signal: AbortSignal): Promise<number> {
  const pages = await countKeyPages(db);
  let deleted = 0;
  for (let first = 0; first < pages && !signal.aborted; first += pagesAtOnce) {
    deleted += await deleteKeys(db, before, { first, end: first + pagesAtOnce });
  }
  return deleted;
}

/** One that is being written to or read is left for the next time. */
async function dropMonth(app: Pick<App, "db" | "keys">, month: string, actor: string): Promise<"dropped" | "busy"> {
  const event = { actor, action: "usage.dropped", target: month.slice(0, 7), environment: "shared" as const };
  try {
    await transaction(app.db, async (tx) => {
      if (await dropPartition(tx, month)) await appendEvent(tx, app.keys, { ...event, outcome: "done", details: {} });
    });
    return "dropped";
  } catch (error) {
    if (readErrorCode(error) !== "55P03") throw error;
    return "busy";
  }
}
