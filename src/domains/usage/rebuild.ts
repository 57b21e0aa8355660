/** The sums, made anew from the calls. Who writes calls waits for one day's turn, and for all of it when the zone changes. */
import type { App } from "#app.ts";
import type { Period } from "#cli/period.ts";
import { AppError } from "#errors.ts";
import { appendEvent, sealEvents } from "#events/events.ts";
import { transaction } from "#store/database.ts";

import { readState } from "./queries.ts";
import {
  allowLongStatements,
  type Countable,
  deleteDay,
  deleteDaysFrom,
  insertDay,
  insertDaysFrom,
  listDays,
  lockSums,
  sumTables,
  updateTimezone,
} from "./rollup-queries.ts";

export type Rebuilt = {
  days: number;
  timezone: string;
  /** Of the sums before, when it was another. */
  previousTimezone: string | undefined;
};

type RebuildApp = Pick<App, "db" | "config" | "keys" | "stateDir">;
type Progress = (text: string, done?: number, total?: number) => void;

/**
 * Only days whose calls are all still there. Killed in between, each day is as it was or
 * as it should be. When `platform.timezone` is another than that of the sums, all days
 * become days of the new zone at once.
 */
export async function rebuildSums(
  app: RebuildApp,
  { period = {}, actor, signal, progress }: { period?: Period; actor: string; signal: AbortSignal; progress: Progress },
): Promise<Rebuilt> {
  const { timezone, firstDay } = await readState(app.db);
  const wanted = app.config.platform.timezone;
  if (timezone === null || firstDay === null) return { days: 0, timezone: wanted, previousTimezone: undefined };
  if (timezone !== wanted) {
    refusePart(period, `the sums are by days of ${timezone}, platform.timezone is ${wanted}`);
    progress(`counting all calls by days of ${wanted}`);
    const days = await changeTimezone(app, wanted);
    return tell(app, actor, { days, timezone: wanted, previousTimezone: timezone });
  }
  const countable = { timezone, firstDay };
  const days = await listDays(app.db, countable, period);
  let done = 0;
  for (const day of days) {
    signal.throwIfAborted();
    await rebuildDay(app, day, countable);
    progress("days counted anew", (done += 1), days.length);
  }
  return tell(app, actor, { days: days.length, timezone, previousTimezone: undefined });
}

function rebuildDay(app: RebuildApp, day: string, { timezone }: Countable): Promise<void> {
  return transaction(app.db, async (tx) => {
    await allowLongStatements(tx);
    await lockSums(tx);
    const state = await readState(tx);
    if (state.timezone !== timezone) {
      throw new AppError("conflict", `the sums became those of days of ${state.timezone} meanwhile`, {
        hint: "Look whether all is well: leveredge usage verify",
      });
    }
    for (const table of sumTables) {
      await deleteDay(tx, table, day);
      await insertDay(tx, table, day, timezone);
    }
  });
}

/** The days before the first countable one stay as they are: their calls are gone. */
function changeTimezone(app: RebuildApp, wanted: string): Promise<number> {
  return transaction(app.db, async (tx) => {
    await allowLongStatements(tx);
    await lockSums(tx);
    const { timezone, firstDay } = await readState(tx);
    if (timezone === null || firstDay === null) return 0;
    for (const table of sumTables) {
      await deleteDaysFrom(tx, table, firstDay);
      await insertDaysFrom(tx, table, { timezone, firstDay }, wanted);
    }
    await updateTimezone(tx, wanted, firstDay);
    return (await listDays(tx, { timezone: wanted, firstDay }, {})).length;
  });
}

function refusePart({ from, to }: Period, message: string): void {
  if (from === undefined && to === undefined) return;
  throw new AppError("conflict", message, { hint: "Rebuild all days: leveredge usage rebuild" });
}

async function tell(app: RebuildApp, actor: string, rebuilt: Rebuilt): Promise<Rebuilt> {
  const event = { actor, action: "usage.rebuilt", target: "llm_usage_daily", environment: "shared" as const };
  await transaction(app.db, (tx) => appendEvent(tx, app.keys, { ...event, outcome: "done", details: { ...rebuilt } }));
  await sealEvents(app);
  return rebuilt;
}
