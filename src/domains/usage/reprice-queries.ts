import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import type { Period } from "#cli/period.ts";
import { type Db, many, run } from "#store/database.ts";

import type { Countable } from "./rollup-queries.ts";
import { isAfter, type Place } from "./row-order-queries.ts";

const count = z.int().nullable();

/** What a price is made of, and the price that a row has. `at` keeps the microseconds. */
export const PricedRow = z.object({
  id: z.int(),
  at: z.string(),
  createdAt: z.string(),
  model: z.string(),
  provider: z.string().nullable(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadTokens: count,
  cacheWrite5mTokens: count,
  cacheWrite1hTokens: count,
  reasoningTokens: count,
  audioInputTokens: count,
  audioOutputTokens: count,
  webSearches: count,
  serviceTier: z.string().nullable(),
  region: z.string().nullable(),
  cost: z.string().nullable(),
  costSource: z.string(),
  priceVersion: z.string().nullable(),
});
export type PricedRow = z.output<typeof PricedRow>;

/** Of a row: its place and what it is priced at from now on. Costs are decimal text. */
export type NewPrice = Place & { cost: string | null; costSource: string; priceVersion: string | null };

/** The next rows after a place, in the order of time; those that a provider priced are not asked for. */
export function listPricedRows(
  db: Db,
  { timezone, period, model, after, limit }: PricedRows & { after: Place | undefined; limit: number },
): Promise<PricedRow[]> {
  return many(
    db,
    PricedRow,
    sql`
      select id, created_at::text as at, created_at, model, provider, input_tokens, output_tokens, cache_read_tokens,
             cache_write_5m_tokens as "cacheWrite5mTokens", cache_write_1h_tokens as "cacheWrite1hTokens",
             reasoning_tokens, audio_input_tokens, audio_output_tokens, web_searches, service_tier, region,
             estimated_cost_usd::text as cost, cost_source, price_version
      from llm_usage
      where ${isAsked(timezone, period)}
        and ${model === undefined ? sql`true` : sql`model = ${model}`}
        and cost_source <> 'provider'
        and ${isAfter(after)}
      order by created_at, id
      limit ${limit}`,
  );
}

export type PricedRows = Pick<Countable, "timezone"> & { period: Period; model: string | undefined };

/** Rows and both sums in one statement; the sums must be locked (`lockSums`). */
export async function updatePrices(tx: Db, timezone: string, prices: readonly NewPrice[]): Promise<void> {
  const column = <T>(read: (price: NewPrice) => T): T[] => prices.map(read);
  const instants = column(({ at }) => at);
  await run(
    tx,
    sql`
      with price as materialized (
        select *
        from unnest(${column(({ id }) => id)}::bigint[], ${instants}::timestamptz[], ${column(({ cost }) => cost)}::numeric[],
                    ${column(({ costSource }) => costSource)}::text[],
                    ${column(({ priceVersion }) => priceVersion)}::text[]) as p(id, created_at, cost, source, version)
      ), old as materialized (
        select date_trunc('day', u.created_at, ${timezone}) as day, u.environment, u.agent_name, u.model,
               coalesce(u.provider, '') as provider, coalesce(u.operation, '') as operation,
               coalesce(u.credential, '') as credential, u.estimated_cost_usd as old_cost, p.cost
        from price p
        join llm_usage u using (created_at, id)
        where ${isBetween(instants)}
      ), raw as (
        update llm_usage u set estimated_cost_usd = p.cost, cost_source = p.source, price_version = p.version
        from price p
        where u.created_at = p.created_at and u.id = p.id and ${isBetween(instants)}
      ), difference as materialized (
        select day, environment, agent_name, model, provider, operation, credential,
               sum(coalesce(cost, 0) - coalesce(old_cost, 0)) as cost, count(old_cost) - count(cost) as unpriced
        from old group by 1, 2, 3, 4, 5, 6, 7
      ), daily as (
        update llm_usage_daily s set estimated_cost_usd = s.estimated_cost_usd + d.cost
        from (select day, agent_name, model, sum(cost) as cost from difference group by 1, 2, 3) d
        where s.day = d.day and s.agent_name = d.agent_name and s.model = d.model
      )
      update llm_usage_breakdown s
      set estimated_cost_usd = s.estimated_cost_usd + d.cost, unpriced_calls = s.unpriced_calls + d.unpriced
      from difference d
      where s.day = d.day and s.environment = d.environment and s.agent_name = d.agent_name and s.model = d.model
        and s.provider = d.provider and s.operation = d.operation and s.credential = d.credential`,
  );
}

/** Lets the planner leave out the months that have none of them. */
function isBetween(instants: readonly string[]): RawBuilder<unknown> {
  return sql`
    u.created_at between ${instants[0] ?? "infinity"}::timestamptz and ${instants.at(-1) ?? "-infinity"}::timestamptz`;
}

function isAsked(timezone: string, { from, to }: Period): RawBuilder<unknown> {
  const midnight = (date: string, days: number): RawBuilder<unknown> =>
    sql`(${date}::date + ${days}::integer)::timestamp at time zone ${timezone}`;
  return sql`
    ${from === undefined ? sql`true` : sql`created_at >= ${midnight(from, 0)}`}
    and ${to === undefined ? sql`true` : sql`created_at < ${midnight(to, 1)}`}`;
}
