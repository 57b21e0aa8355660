/** SQL of recovery: who can bring the root key back. */
import { sql } from "kysely";

import { type Db, many, maybe, run } from "#store/database.ts";

import { Recipient, Waiver } from "./schema.ts";

/** The first one proven first. */
export function listRecipients(db: Db): Promise<Recipient[]> {
  return many(
    db,
    Recipient,
    sql`
    select recipient, sealed, proven_at
    from key_recovery
    where recipient is not null
    order by recorded_at, recipient`,
  );
}

/** The newest words of somebody who goes without. */
export function findWaiver(db: Db): Promise<Waiver | undefined> {
  return maybe(
    db,
    Waiver,
    sql`
    select words, recorded_at, recorded_by
    from key_recovery
    where words is not null
    order by recorded_at desc
    limit 1`,
  );
}

/** A recipient that proves it again gets a new seal and date. */
export async function upsertRecipient(
  tx: Db,
  { recipient, sealed, provenAt, by }: Recipient & { by: string },
): Promise<void> {
  await run(
    tx,
    sql`
    insert into key_recovery (recipient, sealed, proven_at, recorded_by)
    values (${recipient}, ${sealed}, ${provenAt}, ${by})
    on conflict (recipient) do update
    set sealed = excluded.sealed, proven_at = excluded.proven_at, recorded_at = now(), recorded_by = excluded.recorded_by`,
  );
}

export async function insertWaiver(tx: Db, { words, by }: { words: string; by: string }): Promise<void> {
  await run(tx, sql`insert into key_recovery (words, recorded_by) values (${words}, ${by})`);
}
