import { sql } from "kysely";
import { z } from "zod";

import { type Db, many } from "#store/database.ts";

const ConnectionCount = z.object({ applicationName: z.string(), count: z.int() });

/** Whether the store answers at all. */
export async function pingStore(db: Db): Promise<boolean> {
  try {
    await sql`select 1`.execute(db);
    return true;
  } catch {
    // Whatever the reason: it does not answer.
    return false;
  }
}

/** Sessions that LeverEdge programs have with the store, by the name they gave it. */
export function countConnections(db: Db): Promise<z.output<typeof ConnectionCount>[]> {
  return many(
    db,
    ConnectionCount,
    sql`
      select application_name, count(*)::int as count
      from pg_stat_activity
      where datname = current_database() and application_name like 'leveredge%'
      group by application_name`,
  );
}
