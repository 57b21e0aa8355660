import { type RawBuilder, sql } from "kysely";

import type { Db } from "#store/database.ts";

/** The place of a call in the order of time; `at` keeps the microseconds. */
export type Place = { at: string; id: number };

/**
 * Parts are read along the primary key, month after month. Left to itself the planner, which
 * takes the bounds for selective, sorts all that is left for each part. In a transaction.
 */
export async function readInOrder(tx: Db): Promise<void> {
  await sql`select set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)`.execute(tx);
}

/** The first comparison lets the planner leave out the months before; without a place all come after it. */
export function isAfter(place: Place | undefined): RawBuilder<unknown> {
  if (place === undefined) return sql`true`;
  const { at, id } = place;
  return sql`created_at >= ${at}::timestamptz and (created_at, id) > (${at}::timestamptz, ${id}::bigint)`;
}
