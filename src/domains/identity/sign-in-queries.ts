import { sql } from "kysely";
import { z } from "zod";

import { type Db, many, maybe, one, run } from "#store/database.ts";

import { Session, User } from "./schema.ts";

const listLimit = 1000;

const sessionColumns = sql`
  s.id, u.name as user, s.address, s.user_agent, s.created_at, s.last_seen_at, s.expires_at`;

export type LinkRow = { hash: Buffer; userId: string; createdAt: string; expiresAt: string };

/** Links that ended a day ago go at the same time. */
export async function insertLink(tx: Db, link: LinkRow): Promise<void> {
  await run(tx, sql`delete from identity_link where expires_at < ${link.createdAt}::timestamptz - interval '1 day'`);
  await run(
    tx,
    sql`
      insert into identity_link (hash, user_id, created_at, expires_at)
      values (${link.hash}, ${link.userId}, ${link.createdAt}, ${link.expiresAt})`,
  );
}

const SignedIn = z.object({ userId: z.uuid(), user: z.string(), role: User.shape.role });

/** Takes the link: whoever does so first gets its user, anybody later nothing. A disabled user's link stays unused. */
export function takeLink(tx: Db, hash: Buffer, now: string): Promise<z.output<typeof SignedIn> | undefined> {
  return maybe(
    tx,
    SignedIn,
    sql`
      update identity_link l set used_at = ${now}
      from identity_user u
      where l.hash = ${hash} and l.used_at is null and l.expires_at > ${now}
        and u.id = l.user_id and u.disabled_at is null
      returning l.user_id, u.name as user, u.role`,
  );
}

/** Whether there was such a link, used or not. */
export async function hasLink(db: Db, hash: Buffer): Promise<boolean> {
  const shape = z.object({ known: z.boolean() });
  const { known } = await one(db, shape, sql`select exists (select from identity_link where hash = ${hash}) as known`);
  return known;
}

export type SessionRow = {
  hash: Buffer;
  userId: string;
  address: string;
  userAgent: string;
  createdAt: string;
  expiresAt: string;
};

/** Sessions that ended by themselves go at the same time. */
export async function insertSession(tx: Db, session: SessionRow, idleMs: number): Promise<string> {
  await run(tx, sql`delete from identity_session s where not ${isLive(session.createdAt, idleMs)}`);
  const { id } = await one(
    tx,
    z.object({ id: z.uuid() }),
    sql`
      insert into identity_session (hash, user_id, address, user_agent, created_at, last_seen_at, expires_at)
      values (${session.hash}, ${session.userId}, ${session.address}, ${session.userAgent},
              ${session.createdAt}, ${session.createdAt}, ${session.expiresAt})
      returning id`,
  );
  return id;
}

const SessionProof = z.object({
  id: z.uuid(),
  user: z.string(),
  role: User.shape.role,
  lastSeenAt: z.string(),
});

/** The session of a cookie; undefined when it ended or its user is disabled. */
export function findLiveSession(
  db: Db,
  hash: Buffer,
  now: string,
  idleMs: number,
): Promise<z.output<typeof SessionProof> | undefined> {
  return maybe(
    db,
    SessionProof,
    sql`
      select s.id, u.name as user, u.role, s.last_seen_at
      from identity_session s
      join identity_user u on u.id = s.user_id
      where s.hash = ${hash} and ${isLive(now, idleMs)} and u.disabled_at is null`,
  );
}

/** Many requests of one minute write once. */
export function updateLastSeen(db: Db, id: string, now: string): Promise<number> {
  return run(
    db,
    sql`
      update identity_session set last_seen_at = ${now}
      where id = ${id} and last_seen_at < ${now}::timestamptz - interval '1 minute'`,
  );
}

/** Of one user, or of everybody; the one used last comes first. */
export function listSessions(db: Db, user: string | undefined, now: string, idleMs: number): Promise<Session[]> {
  return many(
    db,
    Session,
    sql`
      select ${sessionColumns}
      from identity_session s
      join identity_user u on u.id = s.user_id
      where ${isLive(now, idleMs)} and (${user ?? null}::text is null or u.name = ${user ?? null})
      order by s.last_seen_at desc, s.id
      limit ${listLimit}`,
  );
}

const Ended = z.object({ id: z.uuid(), user: z.string() });

/** Undefined when there is none, or none of that user. */
export function deleteSession(
  tx: Db,
  id: string,
  user: string | undefined,
): Promise<z.output<typeof Ended> | undefined> {
  return maybe(
    tx,
    Ended,
    sql`
      delete from identity_session s using identity_user u
      where s.id = ${id} and u.id = s.user_id and (${user ?? null}::text is null or u.name = ${user ?? null})
      returning s.id, u.name as user`,
  );
}

export function deleteSessionByHash(tx: Db, hash: Buffer): Promise<z.output<typeof Ended> | undefined> {
  return maybe(
    tx,
    Ended,
    sql`
      delete from identity_session s using identity_user u
      where s.hash = ${hash} and u.id = s.user_id
      returning s.id, u.name as user`,
  );
}

export function deleteSessionsOf(tx: Db, userId: string): Promise<number> {
  return run(tx, sql`delete from identity_session where user_id = ${userId}`);
}

export type FailureWindow = { address: string; now: string; windowMs: number };

const Failure = z.object({ attempts: z.int(), startedAt: z.string() });

/** How often an address failed in the window that is open; 0 when none is. */
export async function countFailures(db: Db, { address, now, windowMs }: FailureWindow): Promise<number> {
  const failure = await maybe(
    db,
    z.object({ attempts: z.int() }),
    sql`
      select attempts from identity_failure
      where address = ${address} and started_at > ${now}::timestamptz - ${`${windowMs} ms`}::interval`,
  );
  return failure?.attempts ?? 0;
}

/** One more; the first after a window opens the next, and clears away what is a day old. */
export async function addFailure(tx: Db, { address, now, windowMs }: FailureWindow): Promise<z.output<typeof Failure>> {
  const failure = await one(
    tx,
    Failure,
    sql`
      insert into identity_failure as f (address, started_at, attempts)
      values (${address}, ${now}, 1)
      on conflict (address) do update set
        attempts = case when f.started_at > ${now}::timestamptz - ${`${windowMs} ms`}::interval
                     then f.attempts + 1 else 1 end,
        started_at = case when f.started_at > ${now}::timestamptz - ${`${windowMs} ms`}::interval
                       then f.started_at else excluded.started_at end
      returning attempts, started_at`,
  );
  if (failure.attempts === 1) {
    await run(tx, sql`delete from identity_failure where started_at < ${now}::timestamptz - interval '1 day'`);
  }
  return failure;
}

/** Used within its idle time and younger than its absolute end. */
function isLive(now: string, idleMs: number): ReturnType<typeof sql> {
  return sql`(s.expires_at > ${now} and s.last_seen_at > ${now}::timestamptz - ${`${idleMs} ms`}::interval)`;
}
