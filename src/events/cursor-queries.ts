import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, one, run } from "#store/database.ts";

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
    sql`
      update event_cursor
      set position = ${position}, failure = null, moved_at = clock_timestamp()
      where feed = ${feed}`,
  );
}

export function updateCursorFailure(db: Db, feed: string, failure: string): Promise<number> {
  return run(db, sql`update event_cursor set failure = ${failure} where feed = ${feed}`);
}

export const FeedDelay = z.object({
  feed: z.string(),
  /** The last event it took. */
  position: z.int(),
  /** How many events it has not taken. */
  behind: z.int(),
  /** Since when the oldest of them waits. */
  since: z.iso.datetime(),
  /** Why the latest attempt took none; null when nobody has tried. */
  failure: z.string().nullable(),
});
export type FeedDelay = z.output<typeof FeedDelay>;

/** The feeds that have not taken every event of the chain. One that has never taken any has no cursor and is not among them. */
export function listDelays(db: Db): Promise<FeedDelay[]> {
  return many(
    db,
    FeedDelay,
    sql`
      select r.feed, r.position, last.position - r.position as behind, e.at as since, r.failure
      from event_cursor r
      cross join (select max(position) as position from event_chain) as last
      join event_chain c on c.position = r.position + 1
      join event e on e.id = c.event_id
      order by r.feed`,
  );
}
