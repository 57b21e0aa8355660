import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, one, run } from "#store/database.ts";

export const LedgerState = z.object({
  /** Of the days of the sums; null before the first call. */
  timezone: z.string().nullable(),
  /** From then on every single call is still there. */
  completeFrom: z.string(),
  /** The first day that lies wholly after that. */
  firstDay: z.string().nullable(),
});
export type LedgerState = z.output<typeof LedgerState>;

/** The first day that is wholly at or after an instant; a day has 23 to 25 hours. */
const firstDay = sql`
  case when date_trunc('day', complete_from, timezone) = complete_from then complete_from
       else date_trunc('day', date_trunc('day', complete_from, timezone) + interval '36 hours', timezone) end`;

export function readState(db: Db): Promise<LedgerState> {
  return one(db, LedgerState, sql`select timezone, complete_from, ${firstDay} as first_day from llm_usage_state`);
}

/** The zone of the first to ask stays: another one is for `usage rebuild` to take over. */
export function claimTimezone(db: Db, timezone: string): Promise<number> {
  return run(db, sql`update llm_usage_state set timezone = ${timezone} where timezone is null`);
}

const UnpricedModel = z.object({
  model: z.string(),
  provider: z.string(),
  calls: z.int(),
  lastDay: z.string(),
});
export type UnpricedModel = z.output<typeof UnpricedModel>;

/** What has calls without a cost since an instant, the most frequent first. */
export function listUnpricedModels(db: Db, since: string): Promise<UnpricedModel[]> {
  return many(
    db,
    UnpricedModel,
    sql`
      select model, provider, sum(unpriced_calls)::bigint as calls,
             to_char((max(day) + interval '12 hours') at time zone (select timezone from llm_usage_state), 'YYYY-MM-DD') as last_day
      from llm_usage_breakdown
      where day >= ${since}::timestamptz and unpriced_calls > 0
      group by model, provider
      order by calls desc, model, provider
      limit 50`,
  );
}

const Totals = z.object({ calls: z.int(), bridges: z.int() });
export type Totals = z.output<typeof Totals>;

/** All calls ever, and pairs of rows that are one call. */
export function readTotals(db: Db): Promise<Totals> {
  return one(
    db,
    Totals,
    sql`
      select (select coalesce(sum(calls), 0)::bigint from llm_usage_daily) as calls,
             (select count(*) from llm_usage_bridge) as bridges`,
  );
}

const MonthSums = z.object({ environment: z.string(), calls: z.int(), unpricedCalls: z.int(), costUsd: z.string() });
export type MonthSums = z.output<typeof MonthSums>;

/** Of the month that an instant lies in, in the zone of the sums; `costUsd` is decimal text. */
export function sumMonth(db: Db, at: string): Promise<MonthSums[]> {
  return many(
    db,
    MonthSums,
    sql`
      select environment, sum(calls)::bigint as calls, sum(unpriced_calls)::bigint as unpriced_calls,
             sum(estimated_cost_usd)::text as cost_usd
      from llm_usage_breakdown
      where day >= date_trunc('month', ${at}::timestamptz, (select timezone from llm_usage_state))
      group by environment
      order by environment`,
  );
}
