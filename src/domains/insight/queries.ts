import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import type { UsageEnvironment } from "#domains/usage/usage.ts";
import { type Db, many, one } from "#store/database.ts";

/** What the sums can be told apart by; a tag is read from the single calls. */
export const groupings = ["day", "agent", "model", "operation", "provider", "credential", "environment"] as const;
export type Grouping = (typeof groupings)[number] | { tag: string };

/** Days that are looked at, both included, in the zone of the sums. */
export type Span = { timezone: string; from: string; to: string; environment: UsageEnvironment | undefined };

const Sums = z.object({
  calls: z.int(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  /** Exact decimal text; of the calls that have a price. */
  costUsd: z.string(),
  unpricedCalls: z.int(),
  estimatedCalls: z.int(),
});
export type Sums = z.output<typeof Sums>;

/** `name`: null where the calls do not say it. */
const NamedSums = z.object({ name: z.string().nullable(), ...Sums.shape });
export type NamedSums = z.output<typeof NamedSums>;

/** `groups`: how many there are, also beyond the rows. */
export type GroupedSums = { totals: Sums; rows: NamedSums[]; groups: number };

const sumColumns = sql`
  coalesce(sum(calls), 0)::bigint as calls, coalesce(sum(input_tokens), 0)::bigint as input_tokens,
  coalesce(sum(output_tokens), 0)::bigint as output_tokens,
  trim_scale(coalesce(sum(estimated_cost_usd), 0))::text as cost_usd,
  coalesce(sum(unpriced_calls), 0)::bigint as unpriced_calls,
  coalesce(sum(estimated_calls), 0)::bigint as estimated_calls`;

const columnOf: Record<Exclude<(typeof groupings)[number], "day">, RawBuilder<unknown>> = {
  agent: sql`agent_name`,
  model: sql`model`,
  operation: sql`operation`,
  provider: sql`provider`,
  credential: sql`credential`,
  environment: sql`environment`,
};

/** `limit` null: all of them. */
export async function sumBy(
  db: Db,
  { grouping, span, order, limit }: { grouping: Grouping; span: Span; order: "name" | "dearest"; limit: number | null },
): Promise<GroupedSums> {
  const dearestFirst = sql`sum(estimated_cost_usd) desc nulls last, sum(calls) desc, name nulls last`;
  const found = await many(
    db,
    NamedSums.extend({ isTotal: z.boolean(), groups: z.int() }),
    sql`
      select name, grouping(name) = 1 as is_total, count(*) over () - 1 as groups, ${sumColumns}
      from (${selectNamed(grouping, span)}) c
      group by rollup (name)
      order by grouping(name) desc, ${order === "name" ? sql`name` : dearestFirst}
      limit ${limit === null ? null : limit + 1}`,
  );
  const [totals, ...rows] = found;
  if (totals?.isTotal !== true) throw new RangeError("sums without their total");
  return { totals: Sums.parse(totals), rows: rows.map((row) => NamedSums.parse(row)), groups: totals.groups };
}

function selectNamed(grouping: Grouping, span: Span): RawBuilder<unknown> {
  if (typeof grouping === "object") {
    return sql`
      select tags ->> ${grouping.tag} as name, 1 as calls, input_tokens, output_tokens, estimated_cost_usd,
             (estimated_cost_usd is null)::integer as unpriced_calls, is_estimated::integer as estimated_calls
      from llm_usage
      where ${isCallInSpan(span)}`;
  }
  const name =
    grouping === "day"
      ? sql`to_char(${dateOfSums(sql`day`, span.timezone)}, 'YYYY-MM-DD')`
      : sql`nullif(${columnOf[grouping]}, '')`;
  return sql`
    select ${name} as name, calls, input_tokens, output_tokens, estimated_cost_usd, unpriced_calls, estimated_calls
    from llm_usage_breakdown
    where ${isInSpan(span)}`;
}

const UnpricedCalls = z.object({ model: z.string(), provider: z.string().nullable(), calls: z.int() });
export type UnpricedCalls = z.output<typeof UnpricedCalls>;

/** What of the span has no price, the most frequent first. */
export function listUnpriced(db: Db, span: Span): Promise<UnpricedCalls[]> {
  return many(
    db,
    UnpricedCalls,
    sql`
      select model, nullif(provider, '') as provider, sum(unpriced_calls)::bigint as calls
      from llm_usage_breakdown
      where unpriced_calls > 0 and ${isInSpan(span)}
      group by 1, 2
      order by 3 desc, 1, 2
      limit 1000`,
  );
}

const Calendar = z.object({
  today: z.string(),
  /** Days that the ledger has sums of, in this environment; null when it has none. */
  firstDay: z.string().nullable(),
  lastDay: z.string().nullable(),
  /** From then on days have all their single calls; null before the first call. */
  firstKeptDay: z.string().nullable(),
});
export type Calendar = z.output<typeof Calendar>;

/** `firstKept`: the instant at which the first such day begins. */
export function readCalendar(
  db: Db,
  {
    timezone,
    environment,
    now,
    firstKept,
  }: Pick<Span, "timezone" | "environment"> & { now: Date; firstKept: string | null },
): Promise<Calendar> {
  const find = (extreme: RawBuilder<unknown>): RawBuilder<unknown> => sql`
    (select to_char(${dateOfSums(extreme, timezone)}, 'YYYY-MM-DD')
     from llm_usage_breakdown where ${isOf(environment)})`;
  return one(
    db,
    Calendar,
    sql`
      select to_char(${now.toISOString()}::timestamptz at time zone ${timezone}, 'YYYY-MM-DD') as today,
             ${find(sql`min(day)`)} as first_day, ${find(sql`max(day)`)} as last_day,
             to_char(${firstKept}::timestamptz at time zone ${timezone}, 'YYYY-MM-DD') as first_kept_day`,
  );
}

const AgentDay = z.object({ agent: z.string(), date: z.string(), costUsd: z.string() });
export type AgentDay = z.output<typeof AgentDay>;

/** What each agent cost on each day that it called on. */
export function listAgentDays(db: Db, span: Span): Promise<AgentDay[]> {
  return many(
    db,
    AgentDay,
    sql`
      select agent_name as agent, to_char(${dateOfSums(sql`day`, span.timezone)}, 'YYYY-MM-DD') as date,
             trim_scale(sum(estimated_cost_usd))::text as cost_usd
      from llm_usage_breakdown
      where ${isInSpan(span)}
      group by 1, 2
      order by 1, 2`,
  );
}

/** `costUsd`: null where none of the calls has a price. */
const FirstSeen = z.object({ name: z.string(), firstDay: z.string(), calls: z.int(), costUsd: z.string().nullable() });
export type FirstSeen = z.output<typeof FirstSeen>;

/** Agents or models with the day of their first call ever; calls and cost are those of the span. */
export function listFirstSeen(db: Db, kind: "agent" | "model", span: Span): Promise<FirstSeen[]> {
  return many(
    db,
    FirstSeen,
    sql`
      select ${columnOf[kind]} as name, to_char(${dateOfSums(sql`min(day)`, span.timezone)}, 'YYYY-MM-DD') as first_day,
             sum(calls) filter (where ${isInSpan(span)})::bigint as calls,
             case when sum(calls) filter (where ${isInSpan(span)}) > sum(unpriced_calls) filter (where ${isInSpan(span)})
                  then trim_scale(sum(estimated_cost_usd) filter (where ${isInSpan(span)}))::text end as cost_usd
      from llm_usage_breakdown
      where ${isOf(span.environment)}
      group by 1
      having count(*) filter (where ${isInSpan(span)}) > 0
      order by 2, 1`,
  );
}

/** Day of the sums as a date. By noon: days before a change of zone are longer or shorter, and keep their name. */
function dateOfSums(day: RawBuilder<unknown>, timezone: string): RawBuilder<unknown> {
  return sql`((${day} + interval '12 hours') at time zone ${timezone})::date`;
}

/** The wide bounds are for the index, the dates decide. */
function isInSpan({ timezone, from, to, environment }: Span): RawBuilder<unknown> {
  return sql`
    day >= ${from}::timestamp at time zone 'UTC' - interval '2 days'
    and day < ${to}::timestamp at time zone 'UTC' + interval '3 days'
    and ${dateOfSums(sql`day`, timezone)} between ${from}::date and ${to}::date
    and ${isOf(environment)}`;
}

/** The same for single calls. */
export function isCallInSpan({ timezone, from, to, environment }: Span): RawBuilder<unknown> {
  return sql`
    created_at >= ${from}::timestamp at time zone 'UTC' - interval '1 day'
    and created_at < ${to}::timestamp at time zone 'UTC' + interval '2 days'
    and (created_at at time zone ${timezone})::date between ${from}::date and ${to}::date
    and ${isOf(environment)}`;
}

function isOf(environment: UsageEnvironment | undefined): RawBuilder<unknown> {
  return environment === undefined ? sql`true` : sql`environment = ${environment}`;
}
