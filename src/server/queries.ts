import { sql } from "kysely";

import type { Db } from "#store/database.ts";

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
