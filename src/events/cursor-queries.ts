import { sql } from "kysely";
import { z } from "zod";

import { type Db, one, run } from "#store/database.ts";

const Cursor = z.object({ position: z.int() });

/** A cursor that is there stays where it is; a new one begins with the events of the last day. */
export function insertCursor(db: Db, feed: string): Promise<number> {
  return run(
    db,
    sql`
      insert into event_cursor (feed, position)
      select ${feed}, coalesce(max(c.position), 0)
      from event_chain c
      join event e on e.id = c.event_id
      where e.at < clock_timestamp() - interval '1 day'
        and not exists (select from event_cursor where feed = ${feed})
      on conflict (feed) do nothing`,
  );
}

/** Where the feed is; locked until the transaction ends. */
export async function lockCursor(tx: Db, feed: string): Promise<number> {
  const { position } = await one(tx, Cursor, sql`select position from event_cursor where feed = ${feed} for update`);
  return position;
}

export function updateCursor(tx: Db, feed: string, position: number): Promise<number> {
  return run(
    tx,
    sql`update event_cursor set position = ${position}, moved_at = clock_timestamp() where feed = ${feed}`,
  );
}
