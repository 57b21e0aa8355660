import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, run } from "#store/database.ts";

import { ChainLink, type Event, Notice, StoredEvent } from "./schema.ts";

/** Exact to the microsecond and the same on every session, whatever its settings. */
const instant = (at: ReturnType<typeof sql>) => sql`to_char(${at} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

const storedColumns = sql`
  e.id, e.key, ${instant(sql`e.at`)} as at, e.actor, e.action, e.target, e.environment, e.outcome,
  e.details::text as details, e.key_version, e.mac`;

const Draft = z.object({ id: z.int(), at: z.string(), details: z.string() });

/** What the database decides about events before they are written: number, instant, and how it stores the details. In the order of the list. */
export function draftEvents(tx: Db, details: readonly string[]): Promise<z.output<typeof Draft>[]> {
  return many(
    tx,
    Draft,
    sql`
      select nextval(pg_get_serial_sequence('event', 'id')) as id,
             ${instant(sql`clock_timestamp()`)} as at,
             given.details::jsonb::text as details
      from unnest(${details}::text[]) with ordinality as given (details, place)
      order by given.place`,
  );
}

/** An event whose key is taken is not written. */
export function insertEvents(tx: Db, events: readonly StoredEvent[]): Promise<number> {
  const all = <Name extends keyof StoredEvent>(name: Name): StoredEvent[Name][] => events.map((event) => event[name]);
  return run(
    tx,
    sql`
      with written as (
        insert into event (id, key, at, actor, action, target, environment, outcome, details, key_version, mac)
        select id, key, at::timestamptz, actor, action, target, environment, outcome, details::jsonb, key_version, mac
        from unnest(
          ${all("id")}::bigint[], ${all("key")}::text[], ${all("at")}::text[], ${all("actor")}::text[],
          ${all("action")}::text[], ${all("target")}::text[], ${all("environment")}::text[],
          ${all("outcome")}::text[], ${all("details")}::text[], ${all("keyVersion")}::integer[],
          ${all("mac")}::bytea[]
        ) as given (id, key, at, actor, action, target, environment, outcome, details, key_version, mac)
        order by id
        on conflict (key) do nothing
        returning id
      )
      insert into event_unsealed (event_id) select id from written`,
  );
}

/** One sealer at a time, until the end of the transaction. */
export async function lockChain(tx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('leveredge event chain', 0))`.execute(tx);
}

export function findLastLink(db: Db): Promise<ChainLink | undefined> {
  return maybe(
    db,
    ChainLink,
    sql`select position, event_id, key_version, mac from event_chain order by position desc limit 1`,
  );
}

export function findLink(db: Db, position: number): Promise<ChainLink | undefined> {
  return maybe(
    db,
    ChainLink,
    sql`select position, event_id, key_version, mac from event_chain where position = ${position}`,
  );
}

const Waiting = z.object({ id: z.int(), mac: StoredEvent.shape.mac });

/** Committed events without a position, by number. */
export function listWaiting(tx: Db, limit: number): Promise<z.output<typeof Waiting>[]> {
  return many(
    tx,
    Waiting,
    sql`select e.id, e.mac from event_unsealed u join event e on e.id = u.event_id order by u.event_id limit ${limit}`,
  );
}

export function insertLinks(tx: Db, links: readonly ChainLink[]): Promise<number> {
  return run(
    tx,
    sql`
      with link as (
        insert into event_chain (position, event_id, key_version, mac)
        select * from unnest(
          ${links.map((link) => link.position)}::bigint[],
          ${links.map((link) => link.eventId)}::bigint[],
          ${links.map((link) => link.keyVersion)}::integer[],
          ${links.map((link) => link.mac)}::bytea[]
        )
        returning event_id
      )
      delete from event_unsealed where event_id in (select event_id from link)`,
  );
}

export function listLinks(db: Db, afterPosition: number, limit: number): Promise<ChainLink[]> {
  return many(
    db,
    ChainLink,
    sql`
      select position, event_id, key_version, mac
      from event_chain
      where position > ${afterPosition}
      order by position
      limit ${limit}`,
  );
}

export function listStoredEvents(db: Db, ids: readonly number[]): Promise<StoredEvent[]> {
  return many(db, StoredEvent, sql`select ${storedColumns} from event e where e.id = any(${ids}::bigint[])`);
}

const Unchained = StoredEvent.extend({ isWaiting: z.boolean() });

/** Events without a position, waiting for one or not. */
export function listUnchained(db: Db, afterId: number, limit: number): Promise<z.output<typeof Unchained>[]> {
  return many(
    db,
    Unchained,
    sql`
      select ${storedColumns}, exists (select from event_unsealed u where u.event_id = e.id) as is_waiting
      from event e
      where e.id > ${afterId} and not exists (select from event_chain c where c.event_id = e.id)
      order by e.id
      limit ${limit}`,
  );
}

/** Numbers that wait for a position although there is no such event. */
export async function listMissingWaiting(db: Db, limit: number): Promise<number[]> {
  const rows = await many(
    db,
    z.object({ eventId: z.int() }),
    sql`
      select u.event_id
      from event_unsealed u
      where not exists (select from event e where e.id = u.event_id)
      order by u.event_id
      limit ${limit}`,
  );
  return rows.map((row) => row.eventId);
}

const EventRow = z.object({
  position: z.int(),
  ...StoredEvent.pick({ id: true, key: true, at: true, actor: true, action: true, target: true, outcome: true }).shape,
  environment: z.enum(["dev", "prod", "shared"]).nullable(),
  details: z.record(z.string(), z.unknown()),
});

/** In the order of the chain; an event shows only once it has its position. */
export async function listEventsAfter(db: Db, afterPosition: number, limit: number): Promise<Event[]> {
  const rows = await many(
    db,
    EventRow,
    sql`
      select c.position, e.id, e.key, ${instant(sql`e.at`)} as at, e.actor, e.action, e.target, e.environment,
             e.outcome, e.details
      from event_chain c
      join event e on e.id = c.event_id
      where c.position > ${afterPosition}
      order by c.position
      limit ${limit}`,
  );
  return rows.map(readNotice);
}

/** Details that only look like a notice stay details. */
function readNotice(row: z.output<typeof EventRow>): Event {
  const { notice, ...details } = row.details;
  const read = Notice.safeParse(notice);
  return read.success ? { ...row, details, notice: read.data } : row;
}
