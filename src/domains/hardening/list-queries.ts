import { sql } from "kysely";

import { type Db, many } from "#store/database.ts";

import { abandonedId } from "./loose-ends.ts";
import { ListedRun } from "./schema.ts";

/** A platform's runs, the newest first, those begun before `before`. */
export function listRuns(
  db: Db,
  platform: string,
  page: { before: string | undefined; limit: number },
): Promise<ListedRun[]> {
  const ofPage = page.before === undefined ? sql`` : sql`and started_at < ${page.before}`;
  return many(
    db,
    ListedRun,
    sql`
      select id, state, only_section, requested_by, attempt, lease_owner, lease_until < clock_timestamp() as lease_is_over,
             started_at, finished_at, jsonb_array_length(loose_ends) as loose_ends,
             loose_ends @> ${JSON.stringify([{ id: abandonedId }])}::jsonb as is_abandoned
      from hardening_run
      where platform = ${platform} ${ofPage}
      order by started_at desc
      limit ${page.limit}`,
  );
}
