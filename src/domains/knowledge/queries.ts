import { sql } from "kysely";

import { type Db, many, one, run } from "#store/database.ts";

import { KnowledgeEntry, type Obstacle, Publication } from "./schema.ts";

export type NewEntry = Omit<KnowledgeEntry, "id">;

const entryColumns = sql`id, title, content, category, source, environment, created_at`;

const retryAfter = sql`interval '1 minute'`;

/** One whose source is there already changes nothing. */
export function insertEntry(tx: Db, entry: NewEntry): Promise<number> {
  return run(
    tx,
    sql`
      insert into aria_knowledge (title, content, category, source, environment, created_at)
      values (${entry.title}, ${entry.content}, ${entry.category}, ${entry.source}, ${entry.environment},
              ${entry.createdAt}::timestamptz)
      on conflict (source) do nothing`,
  );
}

/** The newest first, those before `before`. */
export function listEntries(db: Db, page: { before: number | undefined; limit: number }): Promise<KnowledgeEntry[]> {
  const ofPage = page.before === undefined ? sql`` : sql`where id < ${page.before}`;
  return many(
    db,
    KnowledgeEntry,
    sql`select ${entryColumns} from aria_knowledge ${ofPage} order by id desc limit ${page.limit}`,
  );
}

export function listEntriesAfter(db: Db, after: number, limit: number): Promise<KnowledgeEntry[]> {
  return many(
    db,
    KnowledgeEntry,
    sql`select ${entryColumns} from aria_knowledge where id > ${after} order by id limit ${limit}`,
  );
}

/** How far a target is; one that is new has everything before it. */
export function readPublication(db: Db, target: string): Promise<Publication> {
  return one(
    db,
    Publication,
    sql`
      select coalesce(p.last_entry_id, 0) as last_entry_id, p.failure, p.remedy,
             coalesce(p.retry_at <= clock_timestamp(), true) as is_due,
             (select count(*) from aria_knowledge where id > coalesce(p.last_entry_id, 0)) as waiting
      from (select ${target}::text as target) as asked
      left join knowledge_publication p using (target)`,
  );
}

/** Never back: of two that publish at once the later one knows better. */
export function upsertPublished(db: Db, target: string, lastEntryId: number): Promise<number> {
  return run(
    db,
    sql`
      insert into knowledge_publication (target, last_entry_id)
      values (${target}, ${lastEntryId})
      on conflict (target) do update
      set last_entry_id = greatest(knowledge_publication.last_entry_id, excluded.last_entry_id),
          failure = null, remedy = null, retry_at = null`,
  );
}

/** What waits goes on waiting; it is tried again after a minute. */
export function upsertFailure(db: Db, target: string, { text, remedy }: Obstacle): Promise<number> {
  return run(
    db,
    sql`
      insert into knowledge_publication (target, failure, remedy, retry_at)
      values (${target}, ${text}, ${remedy}, clock_timestamp() + ${retryAfter})
      on conflict (target) do update
      set failure = excluded.failure, remedy = excluded.remedy, retry_at = excluded.retry_at`,
  );
}
