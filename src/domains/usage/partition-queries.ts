import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, one, run } from "#store/database.ts";

const Month = z.object({ month: z.string() });

/** `month` is any of its days; a second call changes nothing. */
export async function makePartition(db: Db, month: string): Promise<boolean> {
  const { made } = await one(
    db,
    z.object({ made: z.boolean() }),
    sql`select llm_usage_make_partition(${month}::date) as made`,
  );
  return made;
}

/** False when it is gone already. Fails with 55P03 when those who write leave no second for it. */
export async function dropPartition(db: Db, month: string): Promise<boolean> {
  const { dropped } = await one(
    db,
    z.object({ dropped: z.boolean() }),
    sql`select llm_usage_drop_partition(${month}::date) as dropped`,
  );
  return dropped;
}

/** The first day of each month that is there, the oldest first. */
export async function listPartitions(db: Db): Promise<string[]> {
  const months = await many(
    db,
    Month,
    sql`
      select to_char(to_date(right(c.relname, 7), 'YYYY_MM'), 'YYYY-MM-DD') as month
      from pg_inherits i
      join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'llm_usage'::regclass
      order by 1`,
  );
  return months.map(({ month }) => month);
}

/** How many pages the keys lie on: what `deleteKeys` is called for, some at a time. */
export async function countKeyPages(db: Db): Promise<number> {
  const { pages } = await one(
    db,
    z.object({ pages: z.int() }),
    sql`
      select pg_relation_size('llm_usage_key') / current_setting('block_size')::bigint as pages`,
  );
  return pages;
}

/** Those of calls before an instant, on the pages from `first` to before `end`. */
export function deleteKeys(db: Db, before: string, pages: { first: number; end: number }): Promise<number> {
  return run(
    db,
    sql`
      delete from llm_usage_key
      where ctid >= ${`(${pages.first},0)`}::tid and ctid < ${`(${pages.end},0)`}::tid
        and created_at < ${before}::timestamptz`,
  );
}

export function deleteBridges(db: Db, before: string): Promise<number> {
  return run(db, sql`delete from llm_usage_bridge where found_at < ${before}::timestamptz`);
}
