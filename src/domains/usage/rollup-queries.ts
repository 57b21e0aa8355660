import { type RawBuilder, sql } from "kysely";
import { z } from "zod";

import type { Period } from "#cli/period.ts";
import { type Db, many, maybe, run } from "#store/database.ts";

/** Days that can be counted anew: wholly from `firstDay` on, in a zone. */
export type Countable = { timezone: string; firstDay: string };

/** A row of the sums as it is and as the calls have it; null where there is none. Numbers are decimal text. */
export const Difference = z.object({
  table: z.string(),
  day: z.string(),
  key: z.record(z.string(), z.string()),
  stored: z.record(z.string(), z.string()).nullable(),
  counted: z.record(z.string(), z.string()).nullable(),
});
export type Difference = z.output<typeof Difference>;

const Comparison = z.object({
  rows: z.int(),
  differing: z.int(),
  first: z.array(Difference.omit({ table: true })),
});
export type Comparison = z.output<typeof Comparison>;

export type SumTable = {
  name: string;
  /** Beside the day. */
  key: readonly string[];
  keyOfCalls: RawBuilder<unknown>;
  sumsOfCalls: RawBuilder<unknown>;
};

const commonSums = sql`
  count(*) as calls, sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens`;
const costSum = sql`coalesce(sum(estimated_cost_usd), 0)::numeric(30, 9) as estimated_cost_usd`;

export const sumTables: readonly SumTable[] = [
  {
    name: "llm_usage_daily",
    key: ["agent_name", "model"],
    keyOfCalls: sql`agent_name, model`,
    sumsOfCalls: sql`${commonSums}, ${costSum}`,
  },
  {
    name: "llm_usage_breakdown",
    key: ["environment", "agent_name", "model", "provider", "operation", "credential"],
    keyOfCalls: sql`
      environment, agent_name, model, coalesce(provider, '') as provider, coalesce(operation, '') as operation,
      coalesce(credential, '') as credential`,
    sumsOfCalls: sql`
      ${commonSums}, coalesce(sum(cache_read_tokens), 0)::bigint as cache_read_tokens,
      (coalesce(sum(cache_write_5m_tokens), 0) + coalesce(sum(cache_write_1h_tokens), 0))::bigint as cache_write_tokens,
      coalesce(sum(reasoning_tokens), 0)::bigint as reasoning_tokens, ${costSum},
      count(*) - count(estimated_cost_usd) as unpriced_calls, count(*) filter (where is_estimated) as estimated_calls`,
  },
];

/** A scan of all calls takes longer than what the server answers meanwhile; in a transaction. */
export async function allowLongStatements(tx: Db): Promise<void> {
  await sql`select set_config('statement_timeout', '1h', true), set_config('lock_timeout', '2min', true)`.execute(tx);
}

/** All that is read until the transaction ends is of one moment; its first statement. */
export async function readOneMoment(tx: Db): Promise<void> {
  await sql`set transaction isolation level repeatable read, read only`.execute(tx);
}

/** The first ten rows in which a table is not what its calls add up to. */
export async function compareSums(tx: Db, table: SumTable, days: Countable, period: Period): Promise<Comparison> {
  const found = await maybe(
    tx,
    Comparison,
    sql`
      with stored as (
        select day, to_jsonb(s) - 'day' - ${notIn(table)}::text[] as key, to_jsonb(s) - 'day' - ${[...table.key]}::text[] as sums
        from (select * from ${sql.table(table.name)} where ${isWanted(sql`day`, days, period)}) s
      ), counted as (
        select day, to_jsonb(c) - 'day' - ${notIn(table)}::text[] as key, to_jsonb(c) - 'day' - ${[...table.key]}::text[] as sums
        from (${selectSums(table, days.timezone, isWanted(dayOfCall(days.timezone), days, period))}) c
      ), compared as (
        select day, key, s.sums as stored, c.sums as counted
        from stored s
        full join counted c using (day, key)
      ), differing as (
        select * from compared where stored is distinct from counted
      )
      select (select count(*) from compared) as rows, (select count(*) from differing) as differing,
             (
               select coalesce(jsonb_agg(to_jsonb(f)), '[]')
               from (
                 select to_char(day at time zone ${days.timezone}, 'YYYY-MM-DD') as day, key,
                        ${asTexts(sql`stored`)} as stored, ${asTexts(sql`counted`)} as counted
                 from differing order by differing.day, key limit 10
               ) f
             ) as first`,
  );
  return found ?? { rows: 0, differing: 0, first: [] };
}

/** Nobody else changes the sums until the transaction ends; who writes calls waits. */
export async function lockSums(tx: Db): Promise<void> {
  await sql`lock table llm_usage_daily, llm_usage_breakdown in share row exclusive mode`.execute(tx);
}

/** Every day that has calls or sums, the first first. */
export async function listDays(db: Db, days: Countable, period: Period): Promise<string[]> {
  const found = await many(
    db,
    z.object({ day: z.string() }),
    sql`
      select distinct day
      from (
        select day from llm_usage_daily
        union select day from llm_usage_breakdown
        union select ${dayOfCall(days.timezone)} from llm_usage
      ) d
      where ${isWanted(sql`day`, days, period)}
      order by day`,
  );
  return found.map(({ day }) => day);
}

export function deleteDay(tx: Db, table: SumTable, day: string): Promise<number> {
  return run(tx, sql`delete from ${sql.table(table.name)} where day = ${day}::timestamptz`);
}

/** A day has at most 25 hours, and begins where its zone says: the bounds are wide, the comparison decides. */
export function insertDay(tx: Db, table: SumTable, day: string, timezone: string): Promise<number> {
  const isOfDay = sql`
    created_at >= ${day}::timestamptz - interval '1 day' and created_at < ${day}::timestamptz + interval '3 days'
    and ${dayOfCall(timezone)} = ${day}::timestamptz`;
  return run(tx, sql`insert into ${sql.table(table.name)} ${selectSums(table, timezone, isOfDay)}`);
}

export function deleteDaysFrom(tx: Db, table: SumTable, firstDay: string): Promise<number> {
  return run(tx, sql`delete from ${sql.table(table.name)} where day >= ${firstDay}::timestamptz`);
}

/** Days of the new zone; one that begins when a day before `from` did is added to. */
export function insertDaysFrom(tx: Db, table: SumTable, from: Countable, timezone: string): Promise<number> {
  const isLater = sql`${dayOfCall(from.timezone)} >= ${from.firstDay}::timestamptz`;
  const counted = sql`${selectSums(table, timezone, isLater)}`;
  const key = sql.join(["day", ...table.key].map((column) => sql.ref(column)));
  const added = sql.join(
    sumColumns(table).map((column) => sql`${sql.ref(column)} = s.${sql.ref(column)} + excluded.${sql.ref(column)}`),
  );
  return run(tx, sql`insert into ${sql.table(table.name)} as s ${counted} on conflict (${key}) do update set ${added}`);
}

/** From `completeFrom` on the sums are of this zone and can be counted anew. */
export function updateTimezone(tx: Db, timezone: string, completeFrom: string): Promise<number> {
  return run(tx, sql`update llm_usage_state set timezone = ${timezone}, complete_from = ${completeFrom}::timestamptz`);
}

function sumColumns(table: SumTable): string[] {
  const common = ["calls", "input_tokens", "output_tokens", "estimated_cost_usd"];
  const further = ["cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "unpriced_calls", "estimated_calls"];
  return table.name === "llm_usage_daily" ? common : [...common, ...further];
}

const notIn = sumColumns;

function dayOfCall(timezone: string): RawBuilder<unknown> {
  return sql`date_trunc('day', created_at, ${timezone})`;
}

function isWanted(
  day: RawBuilder<unknown>,
  { timezone, firstDay }: Countable,
  { from, to }: Period,
): RawBuilder<unknown> {
  const date = sql`(${day} at time zone ${timezone})::date`;
  return sql`
    ${day} >= ${firstDay}::timestamptz
    and ${from === undefined ? sql`true` : sql`${date} >= ${from}::date`}
    and ${to === undefined ? sql`true` : sql`${date} <= ${to}::date`}`;
}

/** In the order of the table's columns. */
function selectSums(table: SumTable, timezone: string, where: RawBuilder<unknown>): RawBuilder<unknown> {
  const groups = sql.raw(["day", ...table.key].map((_, index) => index + 1).join(", "));
  return sql`
    select ${dayOfCall(timezone)} as day, ${table.keyOfCalls}, ${table.sumsOfCalls}
    from llm_usage
    where ${where}
    group by ${groups}`;
}

function asTexts(sums: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select jsonb_object_agg(name, value) from jsonb_each_text(${sums}) as e(name, value))`;
}
